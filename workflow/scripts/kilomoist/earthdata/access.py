"""Access to NASA Earthdata, checked once before a run's jobs."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path

from kilomoist.earthdata.catalogues import find_granule, read_catalogue
from kilomoist.earthdata.downloads import NotServedError, Session, fetch_content, logged_in
from kilomoist.product_types import Product
from kilomoist.products import PRODUCTS


def check_catalogue(product: str, month: str) -> None:
    """Raise `InputError` when NASA's catalogue does not answer: each job would say so anew, after several tries."""
    find_granule(PRODUCTS[product], month, Session())


def check_access(product: Product, month: str, catalogues: Iterable[str | Path], session: Session) -> None:
    """Fetch a byte of a granule, of a catalogue that is there or else that NASA has in a month.

    Raises `InputError` when the login of the session may not have the product.
    """
    listed = chain.from_iterable(read_catalogue(path, product) for path in catalogues if Path(path).exists())
    # The catalogue is open to all; with a token that it does not know it would refuse to answer.
    if entry := next(listed, None) or find_granule(product, month, Session()):
        with suppress(NotServedError):  # whoever says that may be asked
            fetch_content(entry.url, session, 0, 1)


def checked_token(wanted: Iterable[tuple[str, str, str]]) -> str:
    """Token of a login that may have every wanted product; `wanted` has product, day and catalogue of each granule.

    Raises `InputError` when there is no login, or when it is refused, for a product or at all.
    """
    session = logged_in()
    for product, granules in groupby(sorted(wanted), lambda granule: granule[0]):
        days, catalogues = zip(*(granule[1:] for granule in granules), strict=True)
        check_access(PRODUCTS[product], days[0][:7], dict.fromkeys(catalogues), session)
    return session.token
