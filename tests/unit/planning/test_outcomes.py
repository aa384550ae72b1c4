"""Outcomes of a run, told at its end."""

import logging
from pathlib import Path

import pytest

from kilomoist.planning.outcomes import (
    ALL_MONTHS,
    Failure,
    Outcome,
    last_error,
    outcome_table,
    outcomes,
    shorten_inputs,
    success_text,
)

JUNE, JULY, AUGUST = (("here", f"2021-0{number}") for number in (6, 7, 8))
ALL = ("here", ALL_MONTHS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a map of August."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "august.tif").touch()
    return tmp_path


def log(name: str, *errors: str) -> str:
    Path(name).write_text("".join(f"2021-08-01 00:00:0{n},000 ERROR {text}\n" for n, text in enumerate(errors)))
    return name


def failure(name: str, own: set, waiting: set) -> Failure:
    return Failure(name, frozenset(own), frozenset(waiting))


def test_the_last_error_of_a_log_is_its_reason() -> None:
    path = Path("job.log")
    assert last_error(path) == last_error(path.parent) == ""
    path.write_text("2021-08-01 00:00:00,000 INFO fetched\n")
    assert last_error(path) == ""
    log("job.log", "the first", "It is gone: no ERROR of yours.")
    assert last_error(path) == "It is gone: no ERROR of yours."
    path.write_bytes(path.read_bytes() + b"2021-08-01 00:00:09,000 ERROR \xff\n")
    assert last_error(path) == "\N{REPLACEMENT CHARACTER}"


def test_a_month_that_failed_is_told_beside_the_others() -> None:
    composite = failure(log("a.log", "A granule is bad."), set(), {JUNE, ALL})
    files = {JUNE: "june.tif", AUGUST: "august.tif", ALL: "months.csv"}
    found = outcomes(files, [JUNE, ALL], {JULY: "No granule.\nNo field."}, [composite])
    assert found == [
        Outcome(*JUNE, "failed", "A granule is bad.", "a.log"),
        Outcome(*JULY, "left out", "No granule. No field."),
        Outcome(*AUGUST, "done", "", "august.tif"),
        Outcome(*ALL, "not made", "It needs what failed."),
    ]
    assert outcome_table(found) == (
        "region  month       state     reason, file\n"
        "here    2021-06     failed    A granule is bad. (a.log)\n"
        "here    2021-07     left out  No granule. No field.\n"
        "here    2021-08     done      august.tif\n"
        "here    all months  not made  It needs what failed."
    )


def test_the_first_job_that_names_a_reason_is_believed() -> None:
    silent = failure("killed.log", {JUNE}, {JUNE})
    (killed,) = outcomes({JUNE: "june.tif"}, [JUNE], {}, [silent])
    assert (killed.state, killed.file) == ("failed", "killed.log")
    assert killed.reason.startswith("No log names a reason: it may have been killed")
    (told,) = outcomes({JUNE: ""}, [JUNE], {}, [silent, failure(log("a.log", "A reason."), {JUNE}, {JUNE})])
    assert (told.reason, told.file) == ("A reason. And 1 more of its jobs failed.", "a.log")


def test_what_is_shared_fails_all_that_need_it_and_what_is_nobody_s_is_told() -> None:
    shared = failure(log("a.log", "A reason."), set(), {JUNE, AUGUST})
    assert [run.state for run in outcomes({JUNE: "", AUGUST: ""}, [JUNE, AUGUST], {}, [shared])] == ["failed"] * 2
    (alone,) = outcomes({}, [], {}, [failure("a.log", set(), set())])
    assert alone == Outcome("-", "-", "failed", "A reason.", "a.log")
    # A month that is left out of others fails what all months make, and no month.
    months = failure("a.log", {ALL}, {ALL})
    assert [run.state for run in outcomes({AUGUST: "", ALL: ""}, [ALL], {}, [months])] == ["done", "failed"]


def test_a_run_that_was_stopped_has_no_reason_of_its_own() -> None:
    (stopped,) = outcomes({JUNE: "june.tif"}, [JUNE], {}, [])
    assert (stopped.state, stopped.reason) == ("not made", "The run ended before.")


def test_success_says_where_everything_lies(folder: Path) -> None:
    files = {AUGUST: "results/here/2021-08/soil_moisture.tif", ALL: "results/here/index.html"}
    assert success_text(files, {}) == ""
    for file in files.values():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    where = "results/here/2021-08"
    assert success_text(files, {JULY: "No granule."}).splitlines() == [
        f"here, 2021-08: open {where}/map.html or {where}/report.html; map {where}/soil_moisture.tif",
        "here, all months: open results/here/index.html",
        "here, 2021-07 was left out: No granule.",
    ]


def test_only_the_first_inputs_of_a_failed_job_are_shown() -> None:
    def shown(level: int, number: int) -> list[str]:
        record = logging.LogRecord("snakemake", level, "", 0, "", None, None)
        record.input = [f"{n}.hdf" for n in range(number)]
        assert shorten_inputs(record)
        return record.input

    assert shown(logging.ERROR, 248) == ["0.hdf", "1.hdf", "2.hdf", "and 245 more"]
    assert shown(logging.ERROR, 3) == ["0.hdf", "1.hdf", "2.hdf"]
    assert len(shown(logging.INFO, 248)) == 248
    assert shorten_inputs(logging.LogRecord("snakemake", logging.ERROR, "", 0, "", None, None))
