"""Progress of a run by time."""

from pathlib import Path

import pytest

from kilomoist.planning.progress import Progress, duration_text, rule_seconds, seconds_before

HEAD = "s\th:m:s\tmax_rss\n"


def test_a_benchmark_tells_the_seconds_of_its_job(tmp_path: Path) -> None:
    """And one that was never made, or was cut off, tells none."""
    file = tmp_path / "job.tsv"
    assert seconds_before(file) is None
    for text, seconds in ((HEAD + "2.5\t0:00:02\t280\n", 2.5), (HEAD, None), (HEAD + "2.5\n", None), ("", None)):
        file.write_text(text)
        assert seconds_before(file) == seconds


def test_a_rule_takes_what_its_jobs_took(tmp_path: Path) -> None:
    assert rule_seconds("stack_block", tmp_path) is None
    for block, seconds in (("a", 2), ("b", 4)):
        (tmp_path / "stack_block" / block).mkdir(parents=True)
        (tmp_path / "stack_block" / block / "2021-08.tsv").write_text(f"{HEAD}{seconds}\t0:00:02\t280\n")
    assert rule_seconds("stack_block", tmp_path) == 3


def test_progress_counts_time_and_not_jobs() -> None:
    """Of two short jobs and a long one, both short ones done are a fifth; what is left takes as long for each part."""
    run = Progress({1: 10, 2: 10, 3: 80}, begun=100)
    assert run.told([1, 2, 3], now=101) == ""
    assert run.told([3], now=130) == "About 20% of the time is over, about 2 min left."
    assert run.told([3], now=139) == "", "lines are some time apart"
    assert run.told([2], now=140) == "About 90% of the time is over, about 10 s left."
    assert run.told([], now=200) == ""


def test_little_of_a_run_tells_nothing_of_the_rest() -> None:
    assert Progress({1: 1, 2: 99}, begun=0).told([2], now=20) == "About 1% of the time is over."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "10 s"), (44, "40 s"), (58, "1 min"), (3500, "58 min"), (3580, "1 h 00 min"), (9000, "2 h 30 min")],
)
def test_durations_are_told_as_roughly_as_they_are_known(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
