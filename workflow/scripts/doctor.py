"""Ask NASA Earthdata's services, as a run would, for one granule of each product, and report what they answer."""

from pathlib import Path

from kilomoist.earthdata.diagnosis import Diagnosis
from kilomoist.errors import InputError
from kilomoist.files import write_json
from kilomoist.jobs import rule_script
from kilomoist.products import PRODUCTS

_MARKS = {"ok": "ok     ", "note": "note   ", "failed": "FAILED "}


@rule_script
def doctor(*, products: list[tuple[str, str | None]], months: list[str], report: str) -> None:
    """Print each finding as it comes and write all to `report`; `products` are names, each with a tile or None."""
    diagnosis = Diagnosis()
    for finding in diagnosis.steps([(PRODUCTS[name], tile) for name, tile in products], months):
        print(_MARKS[finding.outcome] + finding.sentence, flush=True)
    write_json(report, diagnosis.report())
    failed = sum(finding.outcome == "failed" for finding in diagnosis.findings)
    where = f"{Path(report)} (no password, token or user name is in it)"
    if failed:
        raise InputError(
            f"{failed} of {len(diagnosis.findings)} steps failed, as told above; if that does not help, send this file "
            f"in: {where}."
        )
    print(f"NASA Earthdata works for this run. Whoever is asked for its report: send this file in: {where}.")
