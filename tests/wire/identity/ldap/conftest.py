"""What tests of directories share: a line to the server of each that can be watched and cut."""

import pytest

from tests.wire.identity.wiretap import Wiretap


@pytest.fixture
def tap(server):
    """The line to the server's plain port, on which StartTLS is said."""
    tap = Wiretap(server.port)
    yield tap
    tap.close()
