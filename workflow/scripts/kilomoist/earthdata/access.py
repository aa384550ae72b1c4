"""Access to NASA Earthdata, checked once before a run's jobs, and the reasons of those that failed, told at its end."""

from collections.abc import Iterable
from pathlib import Path

from kilomoist.earthdata.catalogues import find_granule
from kilomoist.earthdata.downloads import Session, logged_in
from kilomoist.earthdata.store import check_access
from kilomoist.products import PRODUCTS


def check_catalogue(product: str, month: str) -> None:
    """Ask NASA's catalogue once for any granule of a product and month.

    Raises `InputError` without an answer: each job would say anew, after several tries, that there is no network.
    """
    find_granule(PRODUCTS[product], month, Session())


def checked_token(wanted: Iterable[tuple[str, str, str]]) -> str:
    """Token of a login that may have every wanted product, for all jobs, which find it in their environment.

    `wanted` has product, day and catalogue of each granule. Raises `InputError` when there is no login, or when it is
    refused, for a product or at all.
    """
    session = logged_in()
    months: dict[str, str] = {}
    catalogues: dict[str, set[str]] = {}
    for product, day, catalogue in wanted:
        months.setdefault(product, day[:7])
        catalogues.setdefault(product, set()).add(catalogue)
    for product in sorted(months):
        check_access(PRODUCTS[product], months[product], sorted(catalogues[product]), session)
    return session.token


def last_error(log: str | Path) -> str:
    """Last error in the log of a job; empty when there is none, because it was not tried."""
    log = Path(log)
    errors = [line for line in log.read_text().splitlines() if " ERROR " in line] if log.exists() else []
    return errors[-1].split(" ERROR ", 1)[1] if errors else ""
