"""What everything stands on goes away in the middle of things, or two parts at once, and everything comes out whole.

A daemon stands still at a failpoint while the broker or the database is killed, and started again; from then
on everything must be at rest and right within 30 seconds.
"""

import signal
import time

import pytest

from devstack import mariadb, rabbitmq
from devstack.processes import wait_until
from tests.cases import one_of_each
from tests.chaos.cloud import wait
from tests.chaos.operations import OPERATIONS, WITHIN, check_promises, settled

SERVERS = {'rabbitmq': rabbitmq, 'mariadb': mariadb}
KILLED = [
    ('boot', 'conductor', 'build_server.boot.before', ('rabbitmq',)),
    ('boot', 'compute', 'errand.done', ('rabbitmq',)),
    ('attach', 'conductor', 'attach_volume.plug.before', ('rabbitmq',)),
    ('delete', 'conductor', 'delete_server.destroy_guest.before', ('rabbitmq',)),
    ('boot', 'conductor', 'build_server.boot.before', ('mariadb',)),
    ('boot', 'scheduler', 'scheduler.claim.before', ('mariadb',)),
    ('boot', 'compute', 'errand.done', ('mariadb',)),
    ('upload', 'image', 'image.published', ('mariadb',)),
    ('attach', 'conductor', 'attach_volume.mark_in_use.before', ('mariadb',)),
    ('delete', 'conductor', 'delete_server.forget.before', ('mariadb',)),
    ('boot', 'conductor', 'build_server.mark_active.before', ('rabbitmq', 'mariadb')),
    ('delete', 'compute', 'compute.destroy.after', ('rabbitmq', 'mariadb')),
]
# Two daemons die together, each where it is when the operation comes by.
PAIRS = [
    ('boot', ('conductor', 'desk.done'), ('compute', 'compute.spawn.after')),
    ('boot', ('conductor', 'desk.applied'), ('network', 'network.apply.after')),
    ('boot', ('api', 'nudge.conductor'), ('scheduler', 'scheduler.claim.after')),
    ('attach', ('volume', 'volume.connect.after'), ('compute', 'compute.attach.after')),
    ('delete', ('conductor', 'delete_server.destroy_guest.after'), ('network', 'network.apply.before')),
]
PARTED = 20  # seconds


def points() -> list[tuple[str, str, str]]:
    """Every operation, daemon and failpoint of these cases."""
    pairs = [(operation, *pair) for operation, *both in PAIRS for pair in both]
    return [case[:3] for case in KILLED] + pairs


def names(case: tuple) -> str:
    """How a case is called."""
    return '-'.join('-'.join(word) if isinstance(word, tuple) else word for word in case)


def right(cloud, asked, outcomes, title, record_property):
    """Everything is at rest and right within the time, counted from now."""
    began = time.monotonic()
    wrong = settled(cloud, WITHIN)
    took = round(time.monotonic() - began, 1)
    assert not wrong, '\n'.join([*wrong, *map(cloud.log, ('conductor', 'compute', 'image'))])
    record_property('recovered', took)
    record_property('outcome', asked.outcome())
    print(f'{title:70} {asked.outcome():10} {took} s')
    assert asked.outcome() in outcomes
    check_promises(cloud)


@pytest.mark.parametrize(
    ('operation', 'daemon', 'point', 'servers'),
    one_of_each(KILLED, lambda _operation, _daemon, _point, servers: servers[0]),
    ids=map(names, KILLED),
)
def test_a_killed_server_loses_nothing(cloud, operation, daemon, point, servers, record_property):
    kind, outcomes = OPERATIONS[operation]
    asked = kind(cloud.user)
    cloud.arm(daemon, point, 'sleep:2')
    with cloud.aside(asked.ask) as promised:
        wait(lambda: cloud.met(daemon, point), WITHIN, f'{daemon} came to {point}')
        for server in servers:
            cloud.kill(server)
        for server in servers:
            SERVERS[server].up(cloud.place, cloud.registry)
        began = time.monotonic()
        if not promised():
            wait(asked.ask, WITHIN, 'the request is taken once it is made again')
    assert time.monotonic() - began < WITHIN
    right(cloud, asked, outcomes, f'{operation} {"+".join(servers)} {point}', record_property)


@pytest.mark.long
@pytest.mark.parametrize(('operation', 'one', 'other'), PAIRS, ids=map(names, PAIRS))
def test_two_daemons_killed_in_one_operation_lose_nothing(cloud, operation, one, other, record_property):
    kind, outcomes = OPERATIONS[operation]
    asked = kind(cloud.user)
    for daemon, point in (one, other):
        cloud.arm(daemon, point)
    promised = asked.ask()
    # The second may only be reached once the first is back; both stay down together where both are reached.
    wait(lambda: any(cloud.met(*pair) for pair in (one, other)), WITHIN, 'a daemon died')
    wait_until(lambda: all(cloud.met(*pair) for pair in (one, other)), 1)
    begun: set[str] = set()

    def again() -> bool:
        for daemon, point in (one, other):
            if daemon not in begun and cloud.met(daemon, point) and not cloud.registry.get(daemon):
                cloud.start(daemon)
                begun.add(daemon)
        return len(begun) == 2

    wait(again, WITHIN, 'both daemons have died and were started again')
    began = time.monotonic()
    while not promised and not asked.begun():
        assert time.monotonic() - began < WITHIN, 'Nobody took the request again.'
        promised = asked.ask()
    right(cloud, asked, outcomes, f'{operation} {one[0]}+{other[0]} {one[1]} {other[1]}', record_property)


@pytest.mark.long
@pytest.mark.parametrize('operation', ['boot', 'delete'])
def test_a_broker_that_does_not_answer_for_a_while_loses_nothing(cloud, operation, record_property):
    kind, outcomes = OPERATIONS[operation]
    asked = kind(cloud.user)
    broker = cloud.registry.marked('rabbitmq')
    for process in broker:
        process.send(signal.SIGSTOP)
    try:
        parted = time.monotonic()
        assert asked.ask(), 'What the database has taken is acknowledged, whatever the bus does.'
        record_property('asked', round(time.monotonic() - parted, 1))
        cloud.user.client.get('compute', '/servers/detail')
        wait_until(lambda: time.monotonic() > parted + PARTED, PARTED)
    finally:
        for process in broker:
            process.send(signal.SIGCONT)
    right(cloud, asked, outcomes, f'{operation} while the broker stood still', record_property)


@pytest.mark.long
def test_a_boot_goes_on_while_identity_is_away(cloud, record_property):
    asked = OPERATIONS['boot'][0](cloud.user)
    cloud.kill('identity')
    assert asked.ask()
    wait(lambda: asked.outcome() == 'active', WITHIN, 'a server whose user and agents have tokens is active')
    cloud.start('identity')
    wait(lambda: cloud.serves('identity'), WITHIN, 'identity serves again')
    right(cloud, asked, {'active'}, 'boot while identity is away', record_property)


@pytest.mark.long
def test_a_database_that_is_away_is_told_and_nothing_half_done(cloud, record_property):
    asked = OPERATIONS['boot'][0](cloud.user)
    cloud.kill('mariadb')
    assert not asked.ask()
    mariadb.up(cloud.place, cloud.registry)
    wait(asked.ask, WITHIN, 'the request is taken')
    right(cloud, asked, {'active'}, 'boot once the database is back', record_property)
