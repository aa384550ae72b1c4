"""Months and the granules that they need."""

import itertools
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilomoist.calendars import model_only_days, month_range, slots
from kilomoist.products import PRODUCTS, products_of

months = st.builds("{:04d}-{:02d}".format, st.integers(2015, 2040), st.integers(1, 12))


@pytest.mark.parametrize(
    ("month", "first", "following", "days"),
    [
        ("2021-08", date(2021, 8, 1), date(2021, 9, 1), 31),
        ("2021-12", date(2021, 12, 1), date(2022, 1, 1), 31),
        ("2021-04", date(2021, 4, 1), date(2021, 5, 1), 30),
        ("2021-02", date(2021, 2, 1), date(2021, 3, 1), 28),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1), 29),
    ],
)
def test_months(month: str, first: date, following: date, days: int) -> None:
    assert month_range(month) == (first, following)
    for daily in ("MOD11A1.061", "MYD11A1.061"):
        found = [(slot.time, slot.days) for slot in slots(PRODUCTS[daily], month)]
        midnight = datetime(first.year, first.month, 1)
        assert found == [(midnight + timedelta(days=number), 1.0) for number in range(days)]
    for product in ("SPL4SMGP.008", "SPL4SMAU.008"):
        times = [slot.time for slot in slots(PRODUCTS[product], month)]
        assert len(times) == 8 * days
        assert {first, following - timedelta(days=1)} == {times[0].date(), times[-1].date()}


@pytest.mark.parametrize(
    "month", ["2021-13", "2021-00", "2021-8", "21-08", "2021/08", "2021-08-01", " 2021-08", "2021-08\n", ""]
)
def test_what_is_no_month(month: str) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        month_range(month)


@pytest.mark.parametrize(
    ("month", "terra", "aqua"),
    # Counted on a calendar: Terra's periods begin on day 1, 17, …, Aqua's on day 9, 25, … of every year.
    [
        ("2021-02", "2021-017:1 2021-033:16 2021-049:11", "2021-025:9 2021-041:16 2021-057:3"),
        ("2024-02", "2024-017:1 2024-033:16 2024-049:12", "2024-025:9 2024-041:16 2024-057:4"),
        ("2021-04", "2021-081:6 2021-097:16 2021-113:8", "2021-089:14 2021-105:16"),
        ("2024-04", "2024-081:5 2024-097:16 2024-113:9", "2024-089:13 2024-105:16 2024-121:1"),
        ("2021-07", "2021-177:11 2021-193:16 2021-209:4", "2021-169:3 2021-185:16 2021-201:12"),
        # Aqua: 201 = 20 July to 4 August, 217 = 5 to 20 August, 233 = 21 August to 5 September.
        ("2021-08", "2021-209:12 2021-225:16 2021-241:3", "2021-201:4 2021-217:16 2021-233:11"),
        # Over the end of a year, and of a leap year: the last period lasts 16 days too, and the year begins anew.
        ("2021-12", "2021-321:2 2021-337:16 2021-353:13", "2021-329:10 2021-345:16 2021-361:5"),
        ("2022-01", "2021-353:3 2022-001:16 2022-017:15", "2021-361:11 2022-009:16 2022-025:7"),
        ("2020-12", "2020-321:1 2020-337:16 2020-353:14", "2020-329:9 2020-345:16 2020-361:6"),
        ("2021-01", "2020-353:2 2021-001:16 2021-017:15", "2020-361:10 2021-009:16 2021-025:7"),
        # 353 of 2023 is 19 December to 3 January; Aqua's last, 361, begins on 27 December, in a leap year on the 26th.
        ("2023-12", "2023-321:2 2023-337:16 2023-353:13", "2023-329:10 2023-345:16 2023-361:5"),
        ("2024-01", "2023-353:3 2024-001:16 2024-017:15", "2023-361:11 2024-009:16 2024-025:7"),
        ("2024-12", "2024-321:1 2024-337:16 2024-353:14", "2024-329:9 2024-345:16 2024-361:6"),
    ],
)
def test_periods_of_months_of_every_length(month: str, terra: str, aqua: str) -> None:
    for platform, expected in (("MOD", terra), ("MYD", aqua)):
        for product in ("13A1.061", "13A2.061"):
            found = slots(PRODUCTS[platform + product], month)
            assert " ".join(f"{slot.time:%Y-%j}:{slot.days:g}" for slot in found) == expected


@pytest.mark.parametrize(
    ("month", "expected"),
    # Counted on a calendar: VNP13's periods begin on day 1, 9, 17, … 361 and last 16 days; every day is in two of them,
    # each of which stands for half of the days that it shares with the month.
    [
        ("2021-08", "2021-201:2 2021-209:6 2021-217:8 2021-225:8 2021-233:5.5 2021-241:1.5"),
        ("2021-04", "2021-081:3 2021-089:7 2021-097:8 2021-105:8 2021-113:4"),
        ("2024-02", "2024-017:0.5 2024-025:4.5 2024-033:8 2024-041:8 2024-049:6 2024-057:2"),
        ("2023-12", "2023-321:1 2023-329:5 2023-337:8 2023-345:8 2023-353:6.5 2023-361:2.5"),
        # Of 2023 the last two end on 3 and 11 January, of the leap year 2024 on 2 and 10 January.
        ("2024-01", "2023-353:1.5 2023-361:5.5 2024-001:8 2024-009:8 2024-017:7.5 2024-025:3.5"),
        ("2025-01", "2024-353:1 2024-361:5 2025-001:8 2025-009:8 2025-017:7.5 2025-025:3.5"),
    ],
)
def test_periods_of_viirs_overlap_and_share_their_days(month: str, expected: str) -> None:
    for product in ("VNP13A1", "VNP13A2", "VJ113A1", "VJ113A2"):
        found = slots(PRODUCTS[f"{product}.002"], month)
        assert " ".join(f"{slot.time:%Y-%j}:{slot.days:g}" for slot in found) == expected
        # Neighbours may show the same observation: both are of one half of a composite.
        assert [slot.number for slot in found] == [number // 2 for number in range(len(found))]


@given(month=months)
def test_days_of_viirs_add_up_to_the_month(month: str) -> None:
    """But for those that two years' periods share, in January."""
    begin, end = month_range(month)
    total = sum(slot.days for slot in slots(PRODUCTS["VNP13A1.002"], month))
    # Periods 353 and 361 of the year before reach into a year whose days are in two periods of its own, but for the
    # first eight, which are in one.
    year_before = 366 if (begin.year - 1) % 4 == 0 else 365
    twice = (368 - year_before + 376 - year_before - 8) / 2 if begin.month == 1 else 0
    assert total == (end - begin).days + twice


def test_periods_are_those_that_a_real_granule_names(real: Callable[[str], Path]) -> None:
    """VNP13A2 tells every other one: from 9 to 24, 25 to 40, 41 to 56 and so on, to 361, which ends on day 10 or 11."""
    with h5py.File(real("VNP13A2*.h5")) as file:
        told = file.attrs["ProductionType"].decode()
        first, last = (file.attrs[f"Range{end}Date"].decode() for end in ("Beginning", "Ending"))
    whole = re.findall(r"(\d+)-(\d+)[,.]", told)
    assert whole == [("9", "24"), ("25", "40"), ("41", "56")]
    assert told.endswith("361-10/11]")
    begins = {
        f"{slot.time:%j}".lstrip("0")
        for month in ("2025-01", "2025-02", "2025-12")
        for slot in slots(PRODUCTS["VNP13A2.002"], month)
    }
    assert {begin for begin, _ in whole} | {"361"} <= begins
    assert all(int(end) - int(begin) + 1 == 16 for begin, end in whole)
    assert (date.fromisoformat(last) - date.fromisoformat(first)).days + 1 == 16
    for year, end in ((2024, 10), (2025, 11)):
        (period,) = (slot for slot in slots(PRODUCTS["VNP13A2.002"], f"{year + 1}-01") if f"{slot.time:%j}" == "361")
        assert period.days == end / 2


@given(month=months, product=st.sampled_from(["MOD13A1.061", "MYD13A2.061", "VNP13A1.002"]))
def test_periods_are_those_that_touch_the_month(month: str, product: str) -> None:
    begin, end = month_range(month)
    found = {slot.time: slot.days for slot in slots(PRODUCTS[product], month)}
    expected: dict[datetime, float] = {}
    for year in (begin.year - 1, begin.year, begin.year + 1):
        every = PRODUCTS[product].every
        for number in range(23 * 16 // every):
            first = datetime(year, 1, 1) + timedelta(days=PRODUCTS[product].first - 1 + every * number)
            days = [first.date() + timedelta(days=offset) for offset in range(16)]
            inside = sum(begin <= day < end for day in days)
            if inside:
                expected[first] = inside * every / 16
    assert found == expected
    assert list(found) == sorted(found)


@given(month=months)
def test_periods_cover_every_day(month: str) -> None:
    """Once; days that two years' periods share, at most three a year, twice."""
    begin, end = month_range(month)
    total = sum(slot.days for slot in slots(PRODUCTS["MOD13A1.061"], month))
    shared = {1: (366 if (begin.year - 1) % 4 == 0 else 365)}.get(begin.month)
    twice = 368 - shared if shared else 0
    assert total == (end - begin).days + twice


def test_target_fields_of_a_month() -> None:
    means, snapshots = (slots(PRODUCTS[name], "2021-08") for name in ("SPL4SMGP.008", "SPL4SMAU.008"))
    assert len(means) == len(snapshots) == 248
    assert (means[0].time, means[-1].time) == (datetime(2021, 8, 1, 1, 30), datetime(2021, 8, 31, 22, 30))
    assert (snapshots[0].time, snapshots[-1].time) == (datetime(2021, 8, 1), datetime(2021, 8, 31, 21))
    for found in (means, snapshots):
        assert {later.time - earlier.time for earlier, later in itertools.pairwise(found)} == {timedelta(hours=3)}
        assert sum(slot.days for slot in found) == 31


@pytest.mark.parametrize(
    ("month", "days"),
    [
        *(("2019-05", 0), ("2019-06", 12), ("2019-07", 23), ("2019-08", 0)),
        *(("2022-07", 0), ("2022-08", 26), ("2022-09", 20), ("2022-10", 0), ("2021-08", 0)),
    ],
)
def test_days_without_radiometer(month: str, days: int) -> None:
    """SMAP was off from 19 June to 23 July 2019 and from 6 August to 20 September 2022; L3 has no granules then."""
    assert {model_only_days(PRODUCTS[name], month) for name in products_of("target") if "L4" in name} == {days}
    assert model_only_days(PRODUCTS["SPL3SMP_E.006"], month) == 0
    assert model_only_days(PRODUCTS["MOD11A1.061"], month) == 0
