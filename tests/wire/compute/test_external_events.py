"""What other services tell of servers, over HTTP."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common import jobs
from nimbus.common.jobs import Job
from tests.compute_world import boot, running
from tests.conftest import ADMIN, MEMBER


def tell(api: Any, *events: dict[str, str], asker: Any = ADMIN, version: str = '2.1') -> Any:
    body = {'events': list(events)}
    return api('POST', '/os-server-external-events', body, asker=asker, version=f'compute {version}')


def test_a_job_that_waits_for_a_wire_looks_at_once(api, parts, world):
    row = running(parts.db, world)
    with parts.db.write() as tx:
        jobs.start(tx, MEMBER, 'reboot_server', row.id, hard=True, verb='reboot_hard')
    event = {'name': 'network-vif-plugged', 'server_uuid': row.id, 'tag': 'a port'}
    answer = tell(api, event)
    assert (answer.status, answer.json) == (200, {'events': [{**event, 'status': 'completed', 'code': 200}]})
    with parts.db.read() as tx:
        woken = tx.column(sa.select(Job.woken).where(Job.subject == row.id, Job.workflow == 'reboot_server'))
    assert woken == [1]


def test_each_event_says_what_became_of_it(api, parts, world):
    row, building = running(parts.db, world), boot(parts.db, world)
    nobody = '6c2c8f0e-8a5b-4c57-9d3c-0000000000aa'
    told = [
        {'name': 'network-changed', 'server_uuid': row.id},
        {'name': 'network-changed', 'server_uuid': nobody},
        {'name': 'network-changed', 'server_uuid': building.id},
        {'name': 'volume-extended', 'server_uuid': row.id},
        {'name': 'volume-extended', 'server_uuid': row.id, 'tag': 'a volume'},
    ]
    answer = tell(api, *told, version='2.51')
    assert answer.status == 207
    assert [event['code'] for event in answer.json['events']] == [200, 404, 422, 400, 422]
    assert [event['status'] for event in answer.json['events']] == ['completed', *['failed'] * 4]


@pytest.mark.parametrize(
    ('version', 'name', 'status'),
    [
        ('2.50', 'volume-extended', 400),
        ('2.51', 'volume-extended', 207),
        ('2.75', 'power-update', 400),
        ('2.76', 'power-update', 207),
        ('2.81', 'accelerator-request-bound', 400),
        ('2.82', 'accelerator-request-bound', 207),
        ('2.82', 'anything', 400),
    ],
)
def test_events_are_known_since_their_version(api, parts, world, version, name, status):
    row = running(parts.db, world)
    assert tell(api, {'name': name, 'server_uuid': row.id}, version=version).status == status


def test_users_tell_nothing(api, parts, world):
    row = running(parts.db, world)
    assert tell(api, {'name': 'network-changed', 'server_uuid': row.id}, asker=MEMBER).status == 403
    assert tell(api).status == 400
