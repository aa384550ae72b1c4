"""The Common Metadata Repository: searches among the granules of the catalogue, page by page."""

import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from earthdata.answers import Answer, Request, document
from earthdata.catalogue import Catalogue
from earthdata.granules import Granule
from earthdata.login import Login

_LARGEST_PAGE = 2000
_ORDERS = {"start_date", "-start_date"}
_CONCEPT = re.compile(r"/search/concepts/(G\d+-\w+)\.echo10")
_OPTION = re.compile(r"options\[(\w+)\]\[(\w+)\]")

Options = set[tuple[str, str]]
"""Options of parameters that are true."""
Condition = Callable[[Granule], bool]


class _BadQueryError(ValueError):
    """A question that the CMR refuses with status 400."""


class Cmr:
    def __init__(self, catalogue: Catalogue, login: Login) -> None:
        self._catalogue, self._login = catalogue, login

    def answer(self, request: Request) -> Answer:
        if request.bearer not in ("", self._login.token):
            state = "has expired" if request.bearer in self._login.expired else "does not exist"
            return document(401, {"errors": [f"Token {state}. Note the token value has been partially redacted."]})
        query = request.parameters
        if request.path == "/search/granules.umm_json":
            try:
                return self._page(query, request.headers.get("Cmr-Search-After"))
            except _BadQueryError as error:
                return document(400, {"errors": [str(error)]})
        if concept := _CONCEPT.fullmatch(request.path):
            if text := self._catalogue.echo10(concept[1]):
                return Answer(200, text.encode(), "application/echo10+xml; charset=utf-8")
            return document(404, {"errors": [f"Concept with concept-id [{concept[1]}] could not be found."]})
        return document(404, {"errors": ["The requested resource does not exist."]})

    def _page(self, query: dict[str, list[str]], after: str | None) -> Answer:
        size = int(query.get("page_size", ["10"])[-1])
        if not 0 <= size <= _LARGEST_PAGE:
            raise _BadQueryError(f"page_size must be a number between 0 and {_LARGEST_PAGE}")
        found, first = self._search(query), 0
        if after is not None:
            marks = [_search_after(item) for item in found]
            if after not in marks:
                raise _BadQueryError(f"The search after parameter [{after}] is invalid")
            first = marks.index(after) + 1
        page = found[first : first + size]
        headers = {"CMR-Hits": str(len(found)), "CMR-Took": "1", "CMR-Request-Id": secrets.token_hex(16)}
        if page:  # also the last
            headers["CMR-Search-After"] = _search_after(page[-1])
        items = ",".join(map(self._catalogue.entry, page))
        text = f'{{"hits":{len(found)},"took":1,"items":[{items}]}}'
        kind = "application/vnd.nasa.cmr.umm_results+json;version=1.6.6; charset=utf-8"
        return Answer(200, text.encode(), kind, headers)

    def _search(self, query: Mapping[str, list[str]]) -> list[Granule]:
        """The granules that a query finds, in its order. Raises `_BadQueryError`."""
        values, options = _understood(query)
        if not values.keys() & {"short_name", "provider"}:
            raise _BadQueryError(
                "The CMR does not allow querying across granules in all collections. To help optimize your search, "
                "you should limit your query using conditions that identify one or more collections, such as provider, "
                "provider_id, concept_id, collection_concept_id, short_name, version or entry_title."
            )
        conditions = [test(values[name], options) for name, test in _TESTS.items() if name in values]
        found = [item for item in self._catalogue.all() if all(holds(item) for holds in conditions)]
        ordered = sorted(found, key=lambda item: (item.range[0], item.number))
        return ordered[::-1] if values.get("sort_key") == ["-start_date"] else ordered


def _search_after(item: Granule) -> str:
    """Header by which a client gets the page that begins after a granule."""
    milliseconds = round(item.range[0].replace(tzinfo=UTC).timestamp() * 1000)
    return json.dumps([item.provider.lower(), milliseconds, item.number], separators=(",", ":"))


def _understood(query: Mapping[str, list[str]]) -> tuple[dict[str, list[str]], Options]:
    """Values by parameter (lists may be spelled with and without `[]`), and options. Raises `_BadQueryError`."""
    values: dict[str, list[str]] = {}
    options: Options = set()
    for key, given in query.items():
        option = _OPTION.fullmatch(key)
        name = key.removesuffix("[]")
        if option:
            if given[-1] == "true":
                options.add((option[1], option[2]))
        elif name not in {*_TESTS, "page_size", "sort_key"}:
            raise _BadQueryError(f"Parameter [{key}] was not recognized.")
        else:
            values.setdefault(name, []).extend(given)
    if wrong := set(values.get("sort_key", [])) - _ORDERS:
        raise _BadQueryError(f"The sort key [{min(wrong)}] is not a valid field for sorting granules.")
    return values, options


def _words(parameter: str, words: Callable[[Granule], Iterable[str]]) -> Callable[[list[str], Options], Condition]:
    """A condition on texts: any may be any of the given; case does not count, wildcards only with their option."""

    def condition(given: list[str], options: Options) -> Condition:
        if (parameter, "pattern") in options:
            parts = (re.escape(text).replace(r"\*", ".*").replace(r"\?", ".") for text in given)
            pattern = re.compile("|".join(parts), re.IGNORECASE)
            return lambda item: any(pattern.fullmatch(word) for word in words(item))
        wanted = {text.lower() for text in given}
        return lambda item: any(word.lower() in wanted for word in words(item))

    return condition


def _temporal(given: list[str], _: Options) -> Condition:
    """Granules whose range touches one of the given ranges, ends included."""
    ranges = []
    for text in given:
        begin, _, end = text.partition(",")
        ranges.append((_moment(begin, datetime.min), _moment(end, datetime.max)))
    return lambda item: any(item.range[0] <= end and item.range[1] >= begin for begin, end in ranges)


def _moment(text: str, missing: datetime) -> datetime:
    if not text.strip():
        return missing
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise _BadQueryError(f"temporal date is invalid: [{text}] is not a valid datetime") from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


_TESTS: dict[str, Callable[[list[str], Options], Condition]] = {
    "short_name": _words("short_name", lambda item: [item.product.short_name]),
    "version": _words("version", lambda item: [item.product.version]),
    "provider": _words("provider", lambda item: [item.provider]),
    # Without the suffix too, whatever the provider's references look like.
    "readable_granule_name": _words("readable_granule_name", lambda item: [item.name, item.stem]),
    "temporal": _temporal,
}
