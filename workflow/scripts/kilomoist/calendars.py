"""Months, and the granules that a month needs: days, 16-day periods, 3-hourly fields."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from kilomoist.product_types import Product

FIRST_MONTH = "2015-04"
"""SMAP's first whole month: its first field is of 31 March 2015."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Slot:
    """Place of a granule, of every tile, among those that a month needs."""

    time: datetime
    days: float
    """Days of the month for which it stands."""
    number: int
    """From 0; by which observations are divided into halves."""


def month_range(month: str) -> tuple[date, date]:
    """First day of a month `YYYY-MM` and first day of the next month. Raises ValueError for anything else."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise ValueError(f"{month!r} is not a month: write year and month as YYYY-MM, for example 2021-08")
    year, number = map(int, month.split("-"))
    return date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)


def model_only_days(product: Product, month: str) -> int:
    """Days of a month on which a product is its model alone, without observations."""
    begin, end = month_range(month)
    return sum(max((min(last, end - _DAY) - max(first, begin)).days + 1, 0) for first, last in product.model_only)


def slots(product: Product, month: str) -> list[Slot]:
    """The granules of a product that a month needs, in order of time.

    16-day periods begin anew each year, so that the last overlaps the first of the next (MOD13 User Guide, Collection
    6.1): a period stands for as many days as it shares with the month, and where periods overlap (VNP13) for its part
    of them. Two neighbours have one number, as their best observation may be the same; some of it is the next pair's.
    """
    begin, end = month_range(month)
    if product.calendar != "16-day":
        days = 1 / 8 if product.calendar == "3-hourly" else 1.0
        first = datetime.combine(begin, time()) + timedelta(minutes=product.first)
        return [Slot(first + number * days * _DAY, days, number) for number in range(int((end - begin).days / days))]
    found: list[Slot] = []
    for year in (begin.year - 1, begin.year):
        for day_of_year in range(product.first, 366, product.every):
            start = date(year, 1, 1) + (day_of_year - 1) * _DAY
            shared = (min(start + 16 * _DAY, end) - max(start, begin)).days
            if shared > 0:
                number = len(found) * product.every // 16
                found.append(Slot(datetime.combine(start, time()), shared * product.every / 16, number))
    return found
