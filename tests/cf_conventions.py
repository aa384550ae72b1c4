"""The CF conventions 1.11 as IOOS' compliance checker holds a file to them, with the names that come with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from compliance_checker.cf import appendix_f
from compliance_checker.cf.cf_1_11 import CF1_11Check
from compliance_checker.runner import CheckSuite, ComplianceChecker

NAME = "longitude_of_central_meridian"


def problems(path: Path, report: Path) -> dict[str, list[str]]:
    """What the checker says of a file, by priority: `high_priorities` are errors, the others warnings and advice."""
    mapping = appendix_f.grid_mapping_dict17["lambert_cylindrical_equal_area"]
    with pytest.MonkeyPatch.context() as patch:
        if mapping[0] == NAME:  # a comma is missing there in version 6.1: each letter of the name is asked for
            patch.setitem(appendix_f.grid_mapping_dict17, "lambert_cylindrical_equal_area", [(NAME,), *mapping[1:]])
        patch.setattr(CheckSuite, "checkers", {"cf:1.11": CF1_11Check})
        patch.setattr("requests.get", _refuse)
        _, crashed = ComplianceChecker.run_checker(
            str(path), ["cf:1.11"], verbose=0, criteria="normal", output_filename=str(report), output_format="json"
        )
    assert not crashed
    said: dict[str, Any] = json.loads(report.read_text())["cf:1.11"]
    levels = ("high_priorities", "medium_priorities", "low_priorities")
    return {level: [text for entry in said[level] for text in entry["msgs"]] for level in levels}


def _refuse(*_: object, **__: object) -> None:
    raise AssertionError("the checker asks the network")
