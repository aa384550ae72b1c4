"""Months, and the granules that a month needs: days, 16-day periods, 3-hourly fields."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from kilomoist.products import Product

FIRST_MONTH = "2015-04"
"""SMAP's first whole month: its first field is of 31 March 2015."""


@dataclass(frozen=True)
class Slot:
    """One granule (of every tile) that a month needs."""

    time: datetime
    days: float
    """Of the month, for which it stands."""
    number: int
    """Its place in the month, from 0."""

    @property
    def odd(self) -> bool:
        """Whether it belongs to the half of the month's granules that has the first, the third, …"""
        return self.number % 2 == 0


def month_range(month: str) -> tuple[date, date]:
    """First day of a month `YYYY-MM` and first day of the next one. Raises ValueError for anything else."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise ValueError(f"{month!r} is not a month: write year and month as YYYY-MM, for example 2021-08")
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)


def model_only_days(product: Product, month: str) -> int:
    """Days of a month on which a product is its model alone, without observations."""
    begin, end = month_range(month)
    return sum(
        max((min(last + timedelta(days=1), end) - max(first, begin)).days, 0) for first, last in product.model_only
    )


def slots(product: Product, month: str) -> list[Slot]:
    """The granules of a product that a month needs, in order of time.

    16-day periods always last 16 days and begin anew each year, so that the last one of a year overlaps the first
    one of the next (MOD13 User Guide, Collection 6.1): a period stands for as many days as it shares with the month.
    """
    begin, end = month_range(month)
    days = [begin + timedelta(days=number) for number in range((end - begin).days)]
    if product.calendar == "daily":
        return [Slot(datetime.combine(day, time()), 1.0, number) for number, day in enumerate(days)]
    if product.calendar == "3-hourly":
        first = datetime.combine(begin, time()) + timedelta(minutes=product.first)
        return [Slot(first + timedelta(hours=3 * number), 1 / 8, number) for number in range(8 * len(days))]
    found: list[Slot] = []
    for year in (begin.year - 1, begin.year):
        for day_of_year in range(product.first, 366, 16):
            start = date(year, 1, 1) + timedelta(days=day_of_year - 1)
            shared = (min(start + timedelta(days=16), end) - max(start, begin)).days
            if shared > 0:
                found.append(Slot(datetime.combine(start, time()), float(shared), len(found)))
    return found
