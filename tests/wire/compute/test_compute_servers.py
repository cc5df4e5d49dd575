"""Servers over HTTP: made, listed, shown, changed and deleted."""

from typing import Any

import pytest
import sqlalchemy as sa

from nimbus.common.jobs import Job
from nimbus.compute import servers
from tests.compute_world import boot, running
from tests.conftest import ADMIN, MEMBER, READER, STRANGER


def body(world: Any, **more: Any) -> dict[str, Any]:
    server = {'name': 'vm', 'flavorRef': world.flavor, 'imageRef': world.image, 'networks': 'none', **more}
    return {'server': {name: value for name, value in server.items() if value is not None}}


def test_a_server_is_promised_with_its_row_job_and_password(latest, world, parts):
    answer = latest('POST', '/servers', body(world, key_name='key'))
    assert answer.status == 202, answer.data
    server = answer.json['server']
    assert sorted(server) == ['OS-DCF:diskConfig', 'adminPass', 'id', 'links', 'security_groups']
    assert answer.headers['Location'] == f'http://cloud/v2.1/servers/{server["id"]}'
    assert len(server['adminPass']) == 12 and server['security_groups'] == [{'name': 'default'}]
    with parts.db.read() as tx:
        assert tx.column(sa.select(Job.workflow).where(Job.subject == server['id'])) == ['build_server']
        assert servers.spec(tx, server['id'])['key']['name'] == 'key'
    shown = latest('GET', f'/servers/{server["id"]}').json['server']
    assert shown['status'] == 'BUILD' and shown['OS-EXT-STS:task_state'] == 'scheduling'
    assert shown['addresses'] == {} and shown['hostId'] == ''
