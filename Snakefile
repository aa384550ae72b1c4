# From SMAP and MODIS granules to a 1 km soil-moisture map: each file of rules is one phase, in the order of the flow.
#
#   snakemake --cores 8                                          the default run, simulated and offline
#   snakemake --cores 8 --configfile config/mongolia-2021-08.yaml   the study's region and month
#
# docs/design.md shows the flow; config/README.md explains every key.

from snakemake.utils import min_version

min_version("9.0")


include: "workflow/rules/common.smk"
include: "workflow/rules/earthdata.smk"
include: "workflow/rules/simulation.smk"
include: "workflow/rules/predictors.smk"
include: "workflow/rules/learning.smk"
include: "workflow/rules/mapping.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/reporting.smk"


rule all:
    default_target: True
    input:
        targets(),
