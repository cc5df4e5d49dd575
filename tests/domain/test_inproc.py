"""The bus within one process."""

import pytest

from nimbus.common.messaging import rpc
from tests.bus_suite import BusSuite, server  # noqa: F401 - a fixture


@pytest.fixture
def bus():
    return rpc.transport('inproc:///test')


class TestInproc(BusSuite):
    """The suite on `inproc://`."""
