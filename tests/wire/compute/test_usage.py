"""What projects used, over HTTP."""

import datetime
from typing import Any

import pytest

from nimbus.common import clock
from nimbus.compute import states
from nimbus.compute.models import Server
from tests.compute_world import boot, running
from tests.conftest import ADMIN, MEMBER, READER, STRANGER

HOUR = datetime.timedelta(hours=1)


def lived(parts: Any, world: Any, since: int, until: int | None = None, asker: Any = MEMBER) -> Any:
    """A server that was launched so many hours ago, and deleted so many hours ago."""
    row, now = running(parts.db, world, asker), clock.Clock().now()
    values: dict[str, Any] = {'launched_at': now - since * HOUR}
    if until is not None:
        values |= {'deleted_at': now - until * HOUR, 'vm_state': states.DELETED}
    with parts.db.write() as tx:
        tx.update(Server, Server.id == row.id, **values)
    return row


def ago(hours: int) -> str:
    return (clock.Clock().now() - hours * HOUR).isoformat()


def ask(api: Any, path: str, asker: Any = MEMBER, version: str = '2.40', **query: Any) -> Any:
    told = '&'.join(f'{name}={value}' for name, value in query.items())
    return api('GET', f'/os-simple-tenant-usage{path}?{told}', asker=asker, version=f'compute {version}')


MINE = f'/{MEMBER.project_id}'


def test_a_project_is_told_what_its_servers_came_to(api, parts, world):
    row, gone = lived(parts, world, 5), lived(parts, world, 8, 6)
    lived(parts, world, 20, 15)
    boot(parts.db, world)
    answer = ask(api, MINE, start=ago(7), end=ago(1))
    usage = answer.json['tenant_usage']
    assert answer.status == 200
    by_id = {told['instance_id']: told for told in usage['server_usages']}
    assert set(by_id) == {row.id, gone.id}
    assert by_id[row.id]['hours'] == pytest.approx(4, abs=0.01)
    assert by_id[gone.id]['hours'] == pytest.approx(1, abs=0.01)
    assert (by_id[row.id]['state'], by_id[gone.id]['state']) == ('active', 'terminated')
    assert by_id[row.id]['ended_at'] is None and by_id[row.id]['uptime'] == pytest.approx(5 * 3600, abs=30)
    assert by_id[row.id]['flavor'] == 'm1.tiny' and by_id[row.id]['name'] == 'vm'
    assert usage['total_hours'] == pytest.approx(5, abs=0.02)
    assert usage['total_memory_mb_usage'] == pytest.approx(5 * 512, abs=5)
    assert usage['total_vcpus_usage'] == usage['total_local_gb_usage'] == pytest.approx(5, abs=0.02)


def test_a_project_without_servers_has_no_usage(api, world):
    assert ask(api, MINE, start=ago(2)).json == {'tenant_usage': {}}


def test_operators_see_all_projects_and_details_when_they_ask(api, parts, world):
    lived(parts, world, 5)
    (usage,) = ask(api, '', ADMIN, start=ago(7)).json['tenant_usages']
    assert usage['tenant_id'] == MEMBER.project_id and 'server_usages' not in usage
    (usage,) = ask(api, '', ADMIN, start=ago(7), detailed=1).json['tenant_usages']
    assert len(usage['server_usages']) == 1


def test_others_see_nothing_of_it(api, parts, world):
    lived(parts, world, 5)
    assert ask(api, '', start=ago(7)).status == 403
    assert ask(api, MINE, STRANGER, start=ago(7)).status == 403
    assert ask(api, MINE, READER, start=ago(7)).status == 200


def test_without_a_time_it_is_asked_about_now(api, parts, world):
    lived(parts, world, 5)
    for query in ({}, {'detailed': 1}, {'start': '', 'end': ''}):
        (usage,) = ask(api, '', ADMIN, **query).json['tenant_usages']
        assert usage['total_hours'] == pytest.approx(0, abs=0.01)
    assert len(ask(api, MINE).json['tenant_usage']['server_usages']) == 1


def test_anothers_server_is_as_good_a_marker_as_nobodys(api, parts, world):
    row = lived(parts, world, 5)
    found = [ask(api, f'/{STRANGER.project_id}', STRANGER, start=ago(7), marker=name) for name in (row.id, 'f' * 32)]
    assert [answer.status for answer in found] == [400, 400]
    assert found[0].json['badRequest']['message'].replace(row.id, 'f' * 32) == found[1].json['badRequest']['message']


def test_usage_comes_in_pages(api, parts, world):
    made = sorted(lived(parts, world, 5).id for _ in range(3))
    first = ask(api, MINE, start=ago(7), limit=2).json
    assert [told['instance_id'] for told in first['tenant_usage']['server_usages']] == made[:2]
    (link,) = first['tenant_usage_links']
    assert f'marker={made[1]}' in link['href']
    last = ask(api, MINE, start=ago(7), limit=2, marker=made[1]).json
    assert [told['instance_id'] for told in last['tenant_usage']['server_usages']] == made[2:]
    assert 'tenant_usage_links' not in last
    whole = ask(api, MINE, version='2.39', start=ago(7), limit=2).json
    assert len(whole['tenant_usage']['server_usages']) == 3 and 'tenant_usage_links' not in whole
    assert ask(api, MINE, start=ago(7), marker='nothing').status == 400


@pytest.mark.parametrize(
    'query', [{'start': 'yesterday'}, {'start': '2026-01-02T00:00:00', 'end': '2026-01-01T00:00:00'}]
)
def test_a_time_that_is_none_is_refused(api, query):
    answer = ask(api, MINE, **query)
    assert answer.status == 400 and answer.json['badRequest']['message'].startswith('Invalid')


def test_what_nobody_knows_in_a_query_is_refused_since_2_75(api):
    assert ask(api, MINE, version='2.75', start=ago(2), colour='red').status == 400
    assert ask(api, MINE, version='2.74', start=ago(2), colour='red').status == 200
