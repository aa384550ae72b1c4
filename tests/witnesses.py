"""Files from outside of the project: tests that need them are skipped where there is no such folder beside it."""

import pytest
from workflow_runs import ROOT

SHARED = ROOT.parent / "shared"

with_witnesses = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is not there")
