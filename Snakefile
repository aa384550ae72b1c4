# From SMAP and MODIS granules to a 1 km soil-moisture map:
#
#   snakemake --cores 8                                          the default run, simulated and offline
#   snakemake --cores 8 --configfile config/mongolia-2021-08.yaml   the study's region and month
#
# The flow is in workflow/Snakefile, where Snakemake's catalogue and other workflows look for it. It is run from here,
# because Snakemake finds profiles/default beside the Snakefile that it is given.


include: "workflow/Snakefile"


# An included file's default does not count.
workflow.default_target = "all"
