"""A burst of nonsense at nimbus-identity: its memory stays bounded, and valid tokens go on being valid."""

import concurrent.futures
import http.client
import pathlib
import statistics
import threading
import time
from collections.abc import Iterator

import pytest

from tests.real.identity_alone import Identity

AT_A_TIME = 64
BAD_LOGINS = 10_000
ROOM = 64 * 1024  # KiB that a burst may add
LOGGED = 1 << 20  # bytes that it may add to the log
pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@pytest.fixture(scope='module')
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identity]:
    made = Identity(tmp_path_factory.mktemp('identity'))
    made.start()
    yield made
    made.kill()


class Witness(threading.Thread):
    """Somebody with a valid token who asks about it all the while."""

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self.identity, self.over = identity, threading.Event()
        self.walls: list[float] = []
        self.statuses: set[int] = set()

    def run(self) -> None:
        while not self.over.wait(0.02):
            began = time.perf_counter()
            self.statuses.add(self.identity.ask('GET', '/auth/projects')[0])
            self.walls.append(time.perf_counter() - began)


def peak(identity: Identity) -> int:
    """The most memory the process ever had, in KiB."""
    lines = pathlib.Path(f'/proc/{identity.process.pid}/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM:'))


def answers(identity: Identity, body: bytes, count: int) -> dict[object, int]:
    """How often each status came back to a login with these bytes; `broken` is no answer."""

    def one(_: int) -> object:
        connection = http.client.HTTPConnection('127.0.0.1', identity.port, timeout=60)
        try:
            connection.request('POST', '/v3/auth/tokens', body, {'Content-Type': 'application/json'})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 'broken'
        finally:
            connection.close()

    found: dict[object, int] = {}
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for status in pool.map(one, range(count)):
            found[status] = found.get(status, 0) + 1
    return found


MEGABYTE = b'{"auth": {"identity": {"methods": ["password"], "x": "' + b'x' * (1 << 20) + b'"}}}'
DEEP = b'{"auth": ' + b'[' * 10_000 + b']' * 10_000 + b'}'
DEEP_OBJECTS = b'{"auth": ' * 10_000 + b'1' + b'}' * 10_000
NAMES = b'{"auth": {"identity": {"methods": [' + b'"password",' * 80_000 + b'"token"]}}}'
WRONG = (
    b'{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "password": "wrong",'
    b' "domain": {"id": "default"}}}}}}'
)


@pytest.mark.parametrize(
    ('body', 'count', 'expected'),
    [
        (MEGABYTE, 300, {400, 413}),
        (b'[' * (1 << 20), 300, {400, 413}),
        (DEEP, 500, {400}),
        (DEEP_OBJECTS, 500, {400}),
        (NAMES, 300, {400, 401, 413}),
        pytest.param(WRONG, BAD_LOGINS, {401, 503}, marks=pytest.mark.long),
    ],
    ids=['a-megabyte', 'a-megabyte-of-brackets', 'deep-lists', 'deep-objects', 'many-methods', 'bad-logins'],
)
def test_a_burst_takes_bounded_memory_and_valid_tokens_go_on(identity, body, count, expected):
    answers(identity, WRONG, AT_A_TIME)  # every thread has worked once
    before, witness, log = peak(identity), Witness(identity), identity.state / 'log'
    logged = log.stat().st_size
    witness.start()
    found = answers(identity, body, count)
    witness.over.set()
    witness.join()
    print(found, f'{peak(identity) - before} KiB more,', f'median {statistics.median(witness.walls) * 1000:.1f} ms')
    assert set(found) <= expected, found
    assert witness.statuses == {200}
    assert peak(identity) - before < ROOM
    lines = log.read_bytes()[logged:].splitlines()  # each request has one of its own, and no more
    assert sum(len(line) for line in lines if b' nimbus.access ' not in line) < LOGGED
    # A request beside the burst waits for some of it, but for no line of it.
    assert statistics.median(witness.walls) < 2
