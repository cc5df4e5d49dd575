"""What the newest microversions changed, from 2.101 on."""

import pytest

from nimbus.api.compute.routes import QUERIED, ROUTES
from nimbus.common import ids
from nimbus.compute.flavors import flavors
from nimbus.compute.models import Server
from tests.compute_world import running, volume_of
from tests.conftest import ADMIN, MEMBER, STRANGER


def at(number: int) -> str:
    return f'compute 2.{number}'


def test_attaching_a_volume_tells_nothing_of_its_device_any_more(api, parts, world):
    path = f'/servers/{running(parts.db, world).id}/os-volume_attachments'
    old, new = (
        api('POST', path, {'volumeAttachment': {'volumeId': volume_of(parts.db, MEMBER)}}, version=at(number))
        for number in (100, 101)
    )
    assert old.status == 200 and old.json['volumeAttachment']['device'] == '/dev/vdb'
    assert (new.status, new.data) == (202, b'')
    assert len(api('GET', path).json['volumeAttachments']) == 2


def test_flavors_lose_what_means_nothing(api, world):
    gone = {'rxtx_factor', 'OS-FLV-DISABLED:disabled'}
    for path in (f'/flavors/{world.flavor}', '/flavors/detail'):
        old, new = (api('GET', path, version=at(number)).json for number in (101, 102))
        old, new = (found.get('flavor') or found['flavors'][0] for found in (old, new))
        assert old.keys() - new.keys() == gone and new.keys() <= old.keys()
    body = {'flavor': {'name': 'x', 'ram': 1, 'vcpus': 1, 'disk': 0, 'rxtx_factor': 1.0}}
    assert api('POST', '/flavors', body, asker=ADMIN, version=at(102)).status == 400
    assert api('POST', '/flavors', body, asker=ADMIN, version=at(101)).status == 200
    assert api('GET', '/flavors?sort_key=rxtx_factor', version=at(101)).status == 200
    assert api('GET', '/flavors?sort_key=rxtx_factor', version=at(102)).status == 400


def test_flavors_are_found_by_name(api, parts, world):
    with parts.db.write() as tx:
        for name in ('m1.large', 'c1.large'):
            flavors.create(tx, flavors.Wanted(name=name, vcpus=1, ram=1, disk=1))

    def named(pattern: str) -> list[str]:
        answer = api('GET', f'/flavors?name={pattern}', version=at(102))
        return sorted(row['name'] for row in answer.json['flavors'])

    assert named('large') == ['c1.large', 'm1.large']
    assert named('%5Em1') == ['m1.large', 'm1.tiny']
    assert named('none') == []
    assert api('GET', '/flavors?name=large', version=at(101)).status == 400


@pytest.mark.parametrize(
    'route',
    [r for r in ROUTES if r.method == 'GET' and r.lives_in((2, 102)) and r.status != 410],
    ids=lambda r: r.path,
)
def test_no_query_has_what_nobody_knows(api, parts, world, route):
    values = {name: ids.dashed() for name in ('id', 'port_id', 'volume_id', 'request_id', 'network', 'key', 'tag')}
    values |= {'migration_id': '1', 'name': 'x', 'project_id': MEMBER.project_id, 'alias': 'x', 'before': '2020-01-01'}
    answer = api('GET', f'{route.path.format(**values)}?nope=1', asker=ADMIN, version=at(102))
    assert answer.status == 400 and "('nope' was unexpected)" in answer.json['badRequest']['message'], answer.data
    if route.handler not in QUERIED:
        older = api('GET', f'{route.path.format(**values)}?nope=1', asker=ADMIN, version=at(101))
        assert b'unexpected' not in older.data


def test_a_server_is_freed_from_its_zone_and_pinned_to_the_one_where_it_is(api, parts, world):
    row = running(parts.db, world, zone='nova')
    path, name = f'/servers/{row.id}', 'pinned_availability_zone'

    def pin(zone, **more):
        return api('PUT', path, {'server': {name: zone}}, **{'version': at(104), **more})

    assert pin('nova').json['server'][name] == 'nova'
    refused = pin('other')
    assert refused.status == 409 and 'Unpin first' in refused.json['conflictingRequest']['message']
    assert pin(None).json['server'][name] is None
    assert pin(None).status == 200
    refused = pin('other')
    told = refused.json['conflictingRequest']['message']
    assert refused.status == 409 and "current availability zone 'nova', but 'other' was requested" in told
    assert api('GET', path, version=at(104)).json['server'][name] is None
    both = {name: 'nova', 'name': 'called'}
    found = api('PUT', path, {'server': both}, version=at(104)).json['server']
    assert (found[name], found['name']) == ('nova', 'called')


@pytest.mark.parametrize('zone', ['', 1, {}, 'x' * 256])
def test_a_zone_of_another_form_pins_nothing(api, parts, world, zone):
    row = running(parts.db, world, zone='nova')
    path = f'/servers/{row.id}'
    assert api('PUT', path, {'server': {'pinned_availability_zone': zone}}, version=at(104)).status == 400
    assert api('PUT', path, {'server': {'pinned_availability_zone': None}}, version=at(103)).status == 400
    stranger = api('PUT', path, {'server': {'pinned_availability_zone': None}}, asker=STRANGER, version=at(104))
    assert stranger.status == 404
    with parts.db.read() as tx:
        assert tx.scalar(Server.__table__.select().with_only_columns(Server.pinned_zone)) == 'nova'
