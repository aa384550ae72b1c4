"""Access to NASA Earthdata, asked once before the first job, and the reasons told at the end."""

from collections.abc import Callable
from pathlib import Path

import pytest
from earthdata.answers import EULA, Answer
from earthdata.hosts import CMR, STORE
from earthdata.server import Earthdata
from granule_archives import temperature

from kilomoist.earthdata.access import check_catalogue, checked_token
from kilomoist.errors import InputError

SERVE = Callable[..., Earthdata]
WANTED = [("MOD11A1.061", f"2021-08-{day:02d}", "not there yet.csv") for day in (3, 4)]


def test_a_login_is_tried_once_for_each_product(serve: SERVE, tmp_path: Path) -> None:
    temperature(tmp_path, 3, 300.0)
    earthdata = serve(tmp_path)
    token = checked_token(WANTED)
    assert token
    assert token in earthdata.secrets
    assert len(earthdata.requested(f"{STORE}/*")) == 1


def test_a_product_that_a_login_may_not_have_is_told(serve: SERVE, tmp_path: Path) -> None:
    temperature(tmp_path, 3, 300.0)
    earthdata = serve(tmp_path)
    earthdata.faults.add(f"{STORE}/*", EULA, times=None)
    with pytest.raises(InputError, match="accepted their licence"):
        checked_token(WANTED)


def test_a_catalogue_that_does_not_answer_is_told(serve: SERVE, tmp_path: Path) -> None:
    earthdata = serve(tmp_path)
    check_catalogue("MOD11A1.061", "2021-08")
    earthdata.faults.add(f"{CMR}/*", Answer(400), times=None)
    with pytest.raises(InputError, match=r"\(CMR\) did not answer"):
        check_catalogue("MOD11A1.061", "2021-08")
