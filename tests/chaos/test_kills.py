"""Every daemon is killed in the middle of boot, delete and attach, and everything comes out whole.

A case arms one failpoint, asks for its operation, waits until the daemon has killed itself there, starts it
again, and from then on everything must be at rest and right within 30 seconds, as rows and fake hosts say.
"""

import time

import pytest

from tests.cases import one_of_each
from tests.chaos.cloud import wait
from tests.chaos.operations import OPERATIONS, WITHIN, check_promises, settled

KILLS = [
    ('boot', 'api', 'api.compute.servers.create'),
    ('boot', 'api', 'nudge.conductor'),
    ('boot', 'identity', 'api.identity.tokens.issue'),
    ('boot', 'conductor', 'build_server.place.after'),
    ('boot', 'conductor', 'build_server.make_ports.after'),
    ('boot', 'conductor', 'build_server.boot.after'),
    ('boot', 'conductor', 'build_server.mark_active.after'),
    ('boot', 'conductor', 'desk.done'),
    ('boot', 'conductor', 'desk.kept'),
    ('boot', 'conductor', 'desk.applied'),
    ('boot', 'scheduler', 'scheduler.claim.before'),
    ('boot', 'scheduler', 'scheduler.claim.after'),
    ('boot', 'network', 'network.apply.before'),
    ('boot', 'network', 'network.apply.after'),
    ('boot', 'compute', 'errand.taken'),
    ('boot', 'compute', 'compute.spawn.after'),
    ('boot', 'compute', 'errand.reported'),
    ('boot-anew', 'image', 'image.sent'),
    ('upload', 'image', 'image.begun'),
    ('upload', 'image', 'image.publish'),
    ('upload', 'image', 'image.published'),
    ('volume', 'volume', 'volume.publish'),
    ('attach', 'api', 'api.compute.volume_attachments.create'),
    ('attach', 'conductor', 'attach_volume.plug.after'),
    ('attach', 'conductor', 'attach_volume.mark_in_use.before'),
    ('attach', 'volume', 'volume.connect.after'),
    ('attach', 'compute', 'compute.attach.after'),
    ('delete', 'api', 'api.compute.servers.delete'),
    ('delete', 'conductor', 'delete_server.destroy_guest.after'),
    ('delete', 'conductor', 'delete_server.forget.before'),
    ('delete', 'conductor', 'delete_server.forget.after'),
    ('delete', 'compute', 'compute.destroy.after'),
    ('delete', 'network', 'network.apply.after'),
]


def names(case: tuple[str, str, str]) -> str:
    """How a case is called."""
    return '-'.join(case)


@pytest.mark.parametrize(
    ('operation', 'daemon', 'point'),
    one_of_each(KILLS, lambda _operation, daemon, _point: daemon),
    ids=map(names, KILLS),
)
def test_a_killed_daemon_loses_nothing(cloud, operation, daemon, point, record_property):
    kind, outcomes = OPERATIONS[operation]
    asked = kind(cloud.user)
    if operation == 'boot' and daemon in ('conductor', 'scheduler'):
        asked.anywhere()
    if daemon == 'identity':
        cloud.user.client = cloud.client()  # which has no token yet
    cloud.arm(daemon, point)
    promised = asked.ask()
    wait(lambda: cloud.met(daemon, point) and not cloud.registry.get(daemon), WITHIN, f'{daemon} died at {point}')
    began = time.monotonic()
    cloud.start(daemon)
    if point.startswith('api.compute'):
        assert asked.begun() and not promised, f'{daemon} died before its commit or after its answer.'
    while not promised and not asked.begun():
        assert time.monotonic() - began < WITHIN, 'Nobody took the request again.'
        promised = asked.ask()
    wait(lambda: cloud.serves(daemon), WITHIN, f'{daemon} serves again')
    wrong = settled(cloud, WITHIN - (time.monotonic() - began))
    took = round(time.monotonic() - began, 1)
    assert not wrong, '\n'.join([*wrong, cloud.log(daemon), cloud.log('conductor')])
    record_property('recovered', took)
    record_property('outcome', asked.outcome())
    print(f'{operation:8} {daemon:10} {point:36} {asked.outcome():10} {took} s')
    assert asked.outcome() in outcomes
    check_promises(cloud)
