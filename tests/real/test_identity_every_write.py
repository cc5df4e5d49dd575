"""nimbus-identity is killed in every write there is, before its commit and after it: it did not happen, or it did.

The client that had no answer asks again, and is answered well.  SQLite, or the
server that NIMBUS_TEST_DATABASE names.
"""

import contextlib
import http.client
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devstack.processes import wait_until
from nimbus.api.kit.routes import Route, failpoint
from tests import databases
from tests.identity_requests import Maker, routes
from tests.real.identity_alone import ROOT, Identity

MOMENTS = ('before-commit', 'after-commit')
FINE = {'POST': (201, 204), 'PUT': (200, 201, 204), 'PATCH': (200,), 'DELETE': (204,)}
# What a client is told that asks again for what happened: it is there already, or gone already.
AGAIN = {'POST': (409,), 'PUT': (409,), 'PATCH': (), 'DELETE': (404,)}
ONCE = {'/users/{user_id}/password': (401,)}  # the old password is old
pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]


class Mortal(Identity):
    """A nimbus-identity that kills itself where it is told to, and is back in no time."""

    def __init__(self, state: pathlib.Path, more: str) -> None:
        super().__init__(state, more)
        self.flags = {moment: state / moment for moment in MOMENTS}
        for flag in self.flags.values():
            flag.touch()
        points = [f'db.commit=kill@{self.flags["before-commit"]}']
        points += [
            f'{name}=kill@{self.flags["after-commit"]}' for name in {failpoint(each.handler) for each in routes()}
        ]
        told = {**os.environ, 'PYTHONPATH': str(ROOT), 'NIMBUS_FAILPOINTS': ','.join(points)}
        words = [sys.executable, '-m', 'tests.real.zygote', '--config-file', str(self.conf)]
        self.zygote = subprocess.Popen(
            words, cwd=ROOT, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.pid = 0

    def revive(self) -> None:
        """It runs, as whoever kills it comes to see."""
        self.zygote.stdin.write(b'\n')
        self.zygote.stdin.flush()
        self.pid = int(self.zygote.stdout.readline())
        assert wait_until(self._answers, 30, 0.02), (self.state / 'log').read_text()[-2000:]

    def is_gone(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def end(self) -> None:
        """Nothing of it runs."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.zygote.communicate()


@pytest.fixture(scope='module')
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    server = databases.configured()
    scratch = databases.Scratch(server) if server is not None else None
    more = f'[database]\nurl = {scratch.url.replace("$", "$$")}' if scratch else ''
    made = Mortal(tmp_path_factory.mktemp('identity'), more)
    try:
        made.revive()
        made.token = made.login('admin', 'secret', {'project': {'name': 'admin', 'domain': {'id': 'default'}}})[1]
        yield made
    finally:
        made.end()
        if scratch:
            scratch.drop()


@pytest.fixture(scope='module')
def maker(identity: Mortal) -> Maker:
    return Maker(identity)


@pytest.mark.parametrize('moment', MOMENTS)
@pytest.mark.parametrize('route', routes(), ids=lambda route: f'{route.method}-{route.path[1:]}')
def test_a_write_happened_or_not_and_may_be_asked_for_again(identity: Mortal, maker: Maker, route: Route, moment: str):
    write = maker.write(route)
    before = write.look()
    assert not write.happened(before)
    identity.flags[moment].unlink()
    with pytest.raises((OSError, http.client.HTTPException)):
        write.ask()
    assert wait_until(identity.is_gone, 10)
    identity.revive()
    seen = write.look()
    happened = moment == 'after-commit'
    assert write.happened(seen) if happened else seen == before
    status, answer = write.ask()
    if happened and status not in FINE[route.method]:
        assert status in (*AGAIN[route.method], *ONCE.get(route.path, ())), answer
        assert answer['error']['message']
    else:
        assert status in FINE[route.method], answer
    if not happened or route.method != 'POST':  # a thing without a name of its own may be there twice
        assert write.happened(write.look())
