"""The bus within one process."""

import pytest

from nimbus.common import rpc
from tests.bus_suite import BusSuite, server  # noqa: F401 - a fixture


@pytest.fixture
def bus():
    return rpc.transport('inproc:///test')


class TestInproc(BusSuite):
    """The suite on `inproc://`."""


def test_what_is_no_verb_cannot_be_called(bus, server):
    class Wider(Echo):
        @rpc.call(timeout=1)
        def stop(self, context):
            """Stop everything."""

    server.stop = lambda context: 'stopped'
    with pytest.raises(Exception, match='not found|stop|supported'):
        rpc.Client(bus, Wider).stop()
