"""A real directory that is mute, dies, comes back or is asked by many at once."""

import concurrent.futures
import threading
import time

import pytest

from nimbus.common.clock import FakeClock
from nimbus.identity.ldap import connections
from tests.wire.identity import slapd
from tests.wire.identity.directories import by_file, domain_of, listed, tell

pytestmark = pytest.mark.skipif(slapd.why_not() is not None, reason=str(slapd.why_not()))
AWAY = 'The directory of this domain cannot be asked at the moment.'


@pytest.fixture
def server(tmp_path):
    server = slapd.Slapd(tmp_path / 'slapd')
    server.user('ann', 'ann-pw')
    yield server
    server.stop()


@pytest.fixture
def other_server(tmp_path):
    server = slapd.Slapd(tmp_path / 'other')
    server.user('ann', 'other-pw')
    yield server
    server.stop()


@pytest.fixture
def staff(cloud, tap):
    return domain_of(cloud, f'ldap://127.0.0.1:{tap.port}')


def login(cloud, domain, password='ann-pw'):
    return cloud.login('ann', password, 'unscoped', domain['id'])


def working():
    """How many threads there are beside those of the line that is listened to."""
    return len([thread for thread in threading.enumerate() if thread.name != 'wiretap'])


def at_once(count, work):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return [job.result() for job in [pool.submit(work) for _ in range(count)]]


def test_a_mute_directory_ends_every_request_and_hurts_nobody_else(cloud, server, staff, member, other_server):
    by_file(cloud, connection_timeout=1)
    other = domain_of(cloud, other_server.url, 'other')
    assert login(cloud, staff).status == login(cloud, other, 'other-pw').status == 201
    threads, begun = working(), time.monotonic()
    server.pause()
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(login, cloud, staff) for _ in range(40)]
        assert login(cloud, other, 'other-pw').status == 201
        assert cloud.login('bob', 'pw', member['scope']).status == 201
        assert not all(job.done() for job in waiting)  # they were answered meanwhile
        answers = [job.result() for job in waiting]
    assert {answer.status for answer in answers} == {503}
    assert time.monotonic() - begun < 15
    assert working() == threads
    again = time.monotonic()
    assert login(cloud, staff).json['error']['message'] == AWAY
    assert time.monotonic() - again < 1  # it is known to be mute, and not waited for
    server.resume()
    while login(cloud, staff).status != 201:
        assert time.monotonic() - begun < 30


def test_a_directory_that_died_is_asked_as_soon_as_it_is_back(cloud, server, staff):
    for _ in range(2):
        assert login(cloud, staff).status == 201
        server.stop()
        assert login(cloud, staff).status == 503
        server.start()
        assert login(cloud, staff).status == 201
        assert login(cloud, staff, 'wrong').status == 401


def test_a_directory_that_was_started_anew_is_not_noticed(cloud, server, staff, tap):
    assert login(cloud, staff).status == 201
    server.stop()
    server.start()
    assert login(cloud, staff).status == 201
    tap.cut()
    assert login(cloud, staff, 'wrong').status == 401
    assert set(listed(cloud, 'users', staff)) == {'ann'}


def test_another_server_takes_the_place_of_one_that_is_away_or_mute(cloud, server, other_server):
    by_file(cloud, connection_timeout=1)
    other_server.pause()
    gone = f'ldap://127.0.0.1:{slapd.free_port()}'
    domain = domain_of(cloud, f'{gone}, {other_server.url},{server.url}')
    assert login(cloud, domain).status == 201
    begun = time.monotonic()
    for _ in range(3):
        assert login(cloud, domain).status == 201
    assert time.monotonic() - begun < 3  # the mute one is not asked again first, and waited for
    other_server.stop()
    by_file(cloud, randomize_urls=True)
    for _ in range(3):
        tell(cloud, domain, use_pool=False)
        assert login(cloud, domain).status == 201


def test_connections_are_kept_for_the_next(cloud, staff, tap):
    for _ in range(5):
        assert login(cloud, staff).status == 201
        assert login(cloud, staff, 'wrong').status == 401
    assert tap.opened == 2  # one to search, one to check passwords
    tell(cloud, staff, use_auth_pool=False)
    before = tap.opened
    for _ in range(3):
        assert login(cloud, staff).status == 201
    assert tap.opened - before == 1 + 3
    tell(cloud, staff, use_pool=False)
    before = tap.opened
    assert login(cloud, staff).status == 201
    assert tap.opened - before == 3  # to find the user, to check the password, to find the groups


def test_a_kept_connection_keeps_no_password(cloud, server, staff):
    assert login(cloud, staff).status == 201
    dn = f'uid=ann,ou=Users,{slapd.SUFFIX}'
    server.change(f'dn: {dn}\nchangetype: modify\nreplace: userPassword\nuserPassword: new-pw\n')
    assert login(cloud, staff).status == 401
    assert login(cloud, staff, 'new-pw').status == 201


def test_no_more_are_asked_at_once_than_was_said(cloud, staff, tap):
    tell(cloud, staff, pool_size=2)
    assert {answer.status for answer in at_once(12, lambda: login(cloud, staff))} == {201}
    assert tap.most <= 4  # two to search, two to check passwords


def test_of_very_many_some_are_told_to_come_again(cloud, server, staff):
    by_file(cloud, connection_timeout=1)
    tell(cloud, staff, pool_size=1)
    assert login(cloud, staff).status == 201
    server.pause()
    told = {answer.json['error']['message'] for answer in at_once(30, lambda: login(cloud, staff))}
    assert told == {AWAY, 'Too many logins wait for a directory at the moment.'}


def test_a_domain_that_asks_another_server_lets_go_of_the_first(cloud, server, staff, tap):
    assert login(cloud, staff).status == 201
    tell(cloud, staff, url=server.url)
    assert login(cloud, staff).status == 201
    known = cloud.parts.extra['identity'].directories._known
    assert [directory.options.url for directory in known.values()] == [server.url]
    cloud('PATCH', f'/domains/{staff["id"]}/config', {'config': {'identity': {'driver': 'sql'}}})
    assert login(cloud, staff).status == 401
    assert known == {}


class Line:
    """What a kept connection needs to be."""

    def __init__(self):
        self.closed, self.socket = False, None

    def unbind(self):
        self.closed = True


def test_a_connection_is_kept_for_a_while_and_not_for_ever():
    clock = FakeClock()
    kept = connections.Pool(2, 10, clock)
    lines = [Line() for _ in range(3)]
    for line in lines:
        kept.give(connections.PooledConnection(line, 'ldap://x', clock.monotonic()))
    assert [line.closed for line in lines] == [False, False, True]  # two are enough
    clock.advance(9)
    held = kept.take()
    clock.advance(1)
    kept.give(held)
    assert kept.take() is None
    assert all(line.closed for line in lines)
