"""Volumes over HTTP: who sees what in which version, what is refused, and with which words."""

import json
import pathlib

import pytest

from nimbus.common.context import Context
from nimbus.volume.models import Volume
from nimbus.volume.volumes import progress
from tests.conftest import ADMIN, MEMBER, READER, STRANGER
from tests.wire.volume.conftest import IMAGE, SERVER

SAMPLES = pathlib.Path(__file__).parents[2] / 'samples' / 'volume'
VERSIONS = ((3, 0), (3, 13), (3, 21), (3, 48), (3, 61), (3, 65))
MOVING = ('id', 'volume_id', 'created_at', 'updated_at', 'volume_type_id', 'service_uuid')


def steady(volume: dict) -> dict:
    """The volume without what differs on every run."""
    found = {name: 'MOVING' if name in MOVING and value else value for name, value in volume.items()}
    return {**found, 'links': len(volume['links'])}


@pytest.mark.parametrize('persona', [MEMBER, ADMIN], ids=['member', 'admin'])
@pytest.mark.parametrize('version', VERSIONS, ids=lambda version: '{}.{}'.format(*version))
def test_a_volume_looks_as_its_sample(api, make, version, persona):
    made = make(asker=persona, name='disk', metadata={'a': 'b'}, imageRef=IMAGE)
    spelt = '{}.{}'.format(*version)
    shown = steady(api('GET', f'/volumes/{made}', asker=persona, version=f'volume {spelt}').json['volume'])
    name = 'admin' if persona is ADMIN else 'member'
    path = SAMPLES / f'volume-{spelt}-{name}.json'
    assert shown == json.loads(path.read_text())


def test_what_is_made_shows_no_attributes_of_extensions(latest):
    for body in ({'size': 1}, {'size': 1, 'imageRef': IMAGE}):
        made = latest('POST', '/volumes', {'volume': body}, asker=ADMIN).json['volume']
        assert [name for name in made if ':' in name or name == 'volume_image_metadata'] == []
        assert (made['status'], made['bootable'], made['volume_type']) == ('creating', 'false', '__DEFAULT__')


def test_operators_alone_see_where_a_volume_is(latest, make):
    made = make()
    mine = latest('GET', f'/volumes/{made}').json['volume']
    assert mine['os-vol-tenant-attr:tenant_id'] == MEMBER.project_id
    hidden = {'os-vol-host-attr:host', 'os-vol-mig-status-attr:migstat', 'migration_status', 'provider_id',
              'cluster_name'}  # fmt: skip
    assert hidden & set(mine) == set()
    theirs = latest('GET', f'/volumes/{made}', asker=ADMIN).json['volume']
    assert hidden <= set(theirs)
    assert theirs['os-vol-host-attr:host'] == 'h1@fake#fake'


@pytest.mark.parametrize(
    ('body', 'field'),
    [
        ({'size': 0}, 'size'),
        ({'size': '0'}, 'size'),
        ({'size': -1}, 'size'),
        ({'size': 1.5}, 'size'),
        ({'size': 2**31}, 'size'),
        ({'size': '9999999999'}, 'size'),
        ({'size': 'many'}, 'size'),
        ({}, 'size'),
        ({'size': True}, 'size'),
        ({'size': 1, 'name': 'x' * 256}, 'name'),
        ({'size': 1, 'metadata': {'a': 'x' * 256}}, 'a'),
        ({'size': 1, 'metadata': {'': 'x'}}, ''),
        ({'size': 1, 'consistencygroup_id': IMAGE}, 'consistencygroup_id'),
        ({'size': 1, 'multiattach': True}, 'multiattach'),
        ({'size': 1, 'nonsense': 1}, 'nonsense'),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(latest, body, field):
    answer = latest('POST', '/volumes', {'volume': body})
    assert answer.status == 400, answer.data
    assert field in answer.json['badRequest']['message']


def test_names_nobody_knows_were_passed_over_before_3_53(api):
    body = {'volume': {'size': 1, 'nonsense': 1}}
    assert api('POST', '/volumes', body, version='volume 3.52').status == 202
    assert api('POST', '/volumes', body, version='volume 3.53').status == 400


def test_a_change_names_something_to_change(api, make):
    path = f'/volumes/{make()}'
    assert api('PUT', path, {'volume': {}}, version='volume 3.53').status == 400
    assert api('PUT', path, {'volume': {'nonsense': 1}}).status == 400
    shown = api('PUT', path, {'volume': {'name': ' new ', 'metadata': {'k': 'v'}}}).json['volume']
    assert (shown['name'], shown['metadata']) == ('new', {'k': 'v'})


def test_readers_change_nothing(latest, make, act):
    made = make()
    assert latest('GET', f'/volumes/{made}', asker=READER).status == 200
    assert latest('POST', '/volumes', {'volume': {'size': 1}}, asker=READER).status == 403
    assert latest('PUT', f'/volumes/{made}', {'volume': {'name': 'x'}}, asker=READER).status == 403
    assert latest('DELETE', f'/volumes/{made}', asker=READER).status == 403
    assert act(made, 'os-extend', {'new_size': 2}, asker=READER).status == 403


def test_another_projects_volume_is_not_there(latest, make, act):
    made = make()
    for method, path, body in (
        ('GET', '', None),
        ('PUT', '', {'volume': {'name': 'x'}}),
        ('DELETE', '', None),
        ('GET', '/metadata', None),
        ('POST', '/metadata', {'metadata': {'a': 'b'}}),
    ):
        answer = latest(method, f'/volumes/{made}{path}', body, asker=STRANGER)
        assert (answer.status, list(answer.json)) == (404, ['itemNotFound']), (method, path)
    actions = {'os-extend': {'new_size': 2}, 'os-reserve': {}, 'os-detach': {}, 'os-begin_detaching': {},
               'os-set_bootable': {'bootable': True}, 'os-update_readonly_flag': {'readonly': True},
               'os-attach': {'instance_uuid': IMAGE, 'mountpoint': '/dev/vdb'},
               'os-show_image_metadata': {}, 'os-set_image_metadata': {'metadata': {'a': 'b'}}}  # fmt: skip
    for name, inner in actions.items():
        assert act(made, name, inner, asker=STRANGER).status == 404, name
    assert latest('GET', '/volumes', asker=STRANGER).json['volumes'] == []
    assert latest('GET', '/volumes/detail?all_tenants=1', asker=STRANGER).json['volumes'] == []
    assert len(latest('GET', '/volumes?all_tenants=1', asker=ADMIN).json['volumes']) == 1


def test_force_is_an_operators_word(latest, api, make, act, show):
    made = make()
    assert act(made, 'os-force_delete').status == 403
    assert latest('DELETE', f'/volumes/{made}?force=true').status == 403
    assert latest('DELETE', f'/volumes/{made}?force=perhaps').status == 400
    assert act(made, 'os-reset_status', {'status': 'attaching'}, asker=ADMIN).status == 202
    assert api('DELETE', f'/volumes/{made}?force=true', asker=ADMIN, version='volume 3.22').status == 400
    assert api('DELETE', f'/volumes/{made}?force=true', asker=ADMIN, version='volume 3.23').status == 202
    assert show(made)['status'] == 'deleting'


def test_metadata_is_changed_as_it_was_read(api, latest, make):
    path = f'/volumes/{make()}/metadata'
    assert 'ETag' not in api('GET', path, version='volume 3.14').headers
    tag = latest('GET', path).headers['ETag']
    assert latest('PUT', path, {'metadata': {'a': '1'}}, if_match=tag).json == {'metadata': {'a': '1'}}
    assert latest('PUT', path, {'metadata': {'a': '2'}}, if_match=tag).status == 412
    assert latest('PUT', f'{path}/a', {'meta': {'a': '2'}}, if_match=tag).status == 412
    assert latest('GET', f'{path}/a').json == {'meta': {'a': '1'}}
    assert latest('PUT', f'{path}/a', {'meta': {'b': '2'}}).status == 400
    assert latest('DELETE', f'{path}/a').status == 200
    assert latest('DELETE', f'{path}/a').status == 404


def test_what_is_remembered_of_an_image_is_set_and_forgotten(act, make, show):
    made = make(imageRef=IMAGE)
    told = act(made, 'os-set_image_metadata', {'metadata': {'os_distro': 'arch', 'x': 'y'}}).json['metadata']
    assert (told['os_distro'], told['x'], told['image_id']) == ('arch', 'y', IMAGE)
    assert act(made, 'os-unset_image_metadata', {'key': 'x'}).status == 200
    assert act(made, 'os-unset_image_metadata', {'key': 'x'}).status == 404
    assert 'x' not in show(made)['volume_image_metadata']
    bare = make()
    assert 'volume_image_metadata' not in show(bare)
    assert act(bare, 'os-set_image_metadata', {'metadata': {'a': 'b'}}).json == {'metadata': {'a': 'b'}}


def test_what_users_say_of_an_image_changes_nothing_of_what_the_volume_is_made_of(latest, act, wired):
    """Said while the volume is made, another project's image would else be fetched in place of their own."""
    made = latest('POST', '/volumes', {'volume': {'size': 1, 'imageRef': IMAGE}}).json['volume']['id']
    said = {'image_id': SERVER, 'image_name': 'x', 'size': 'large', 'min_ram': 'none', 'os_hash_value': '0'}
    told = act(made, 'os-set_image_metadata', {'metadata': said}).json['metadata']
    assert told.items() >= said.items()

    def kept():
        with wired.db.read() as tx:
            return progress.look(tx, made).image

    assert (kept()['image_id'], kept()['min_ram'], type(kept()['size'])) == (IMAGE, 0, int)
    assert kept()['os_hash_value'] != '0'
    found = latest('GET', f"/volumes?glance_metadata={{'image_id':'{SERVER}'}}", version='volume 3.67').json['volumes']
    assert [one['id'] for one in found] == [made]
    for key in (*said, 'disk_format'):
        assert act(made, 'os-unset_image_metadata', {'key': key}).status == 200, key
        assert act(made, 'os-unset_image_metadata', {'key': key}).status == 404, key
        assert key not in latest('GET', f'/volumes/{made}').json['volume']['volume_image_metadata']
    assert act(made, 'os-unset_image_metadata', {'key': 'os_hash_algo'}).status == 404
    assert kept()['disk_format'] and kept()['image_id'] == IMAGE and 'os_hash_algo' in kept()
    assert act(made, 'os-set_image_metadata', {'metadata': {'size': '7'}}).json['metadata']['size'] == '7'


def test_filters_that_tell_of_hosts_are_for_operators(api, latest, make):
    make(name='one')
    refused = latest('GET', '/volumes?host=h1')
    assert refused.status == 400
    assert 'host' in refused.json['badRequest']['message']
    assert len(api('GET', '/volumes?host=elsewhere', version='volume 3.30').json['volumes']) == 1
    assert latest('GET', '/volumes?sort=host:asc').status == 400
    assert len(latest('GET', '/volumes?all_tenants=1&host=h1@fake%23fake', asker=ADMIN).json['volumes']) == 1
    assert latest('GET', '/volumes?all_tenants=1&host=h2', asker=ADMIN).json['volumes'] == []


def test_lists_are_filtered_by_what_the_version_knows(api, latest, make, act):
    made = make(name='alpha', metadata={'k': 'v'}, imageRef=IMAGE)
    act(made, 'os-set_image_metadata', {'metadata': {'os_distro': 'debian'}})
    make(name='beta')

    def names(query: str, version: str = '3.61') -> list[str]:
        answer = api('GET', f'/volumes/detail?sort=name:asc&{query}', version=f'volume {version}')
        assert answer.status == 200, answer.data
        return [row['name'] for row in answer.json['volumes']]

    assert names('name=alpha') == ['alpha']
    assert names('name~=et') == ['beta']
    assert names('bootable=true') == ['alpha']
    assert names("metadata={'k':'v'}") == ['alpha']
    assert names("glance_metadata={'os_distro':'debian'}") == ['alpha']
    assert names("glance_metadata={'image_name':'tiny'}") == ['alpha']
    assert names("glance_metadata={'os_distro':'debian'}", '3.3') == ['alpha', 'beta']
    assert names('created_at=gt:2000-01-01T00:00:00') == ['alpha', 'beta']
    assert names('created_at=lt:2000-01-01T00:00:00') == []
    assert names('group_id=x') == []
    assert api('GET', '/volumes?bootable=maybe', version='volume 3.2').status == 400
    assert latest('GET', '/volumes?with_count=true&limit=1').json['count'] == 2
    assert latest('GET', '/volumes?with_count=perhaps').status == 400
    for wrong in ('limit=-1', 'limit=x', 'sort_key=nonsense', 'sort=name:up', 'size=big', 'offset=-1', 'offset=x'):
        assert latest('GET', f'/volumes?{wrong}').status == 400, wrong
    absent = latest('GET', '/volumes?marker=nonsense')
    assert (absent.status, absent.json['itemNotFound']['message']) == (404, 'Volume nonsense could not be found.')
    assert names('sort=name:asc&offset=1') == ['beta'] and names('offset=2') == []


def test_a_list_is_walked_by_its_links(latest, make):
    made = [make(name=f'v{number}') for number in range(3)]
    first = latest('GET', '/volumes?limit=2&sort=created_at:asc').json
    assert [row['id'] for row in first['volumes']] == made[:2]
    path = first['volumes_links'][0]['href'].partition('/v3')[2]
    assert [row['id'] for row in latest('GET', path).json['volumes']] == made[2:]


@pytest.mark.parametrize(
    ('path', 'since'),
    [('/volumes/summary', (3, 12)), ('/attachments', (3, 27)), ('/attachments/detail', (3, 27))],
)
def test_an_endpoint_is_not_there_before_its_version(api, path, since):
    before = f'volume {since[0]}.{since[1] - 1}'
    assert api('GET', path, version=before).status == 404
    assert api('GET', path, version='volume {}.{}'.format(*since)).status == 200


def test_versions_that_are_not_served_are_refused(api):
    for wanted in ('3.68', '4.0', '2.0'):
        assert api('GET', '/volumes', version=f'volume {wanted}').status == 406, wanted
    assert api('GET', '/volumes', version='volume latest').headers['OpenStack-API-Version'] == 'volume 3.67'


def test_a_project_without_room_is_told_so(latest, make, wired):
    assert latest('PUT', f'/os-quota-sets/{MEMBER.project_id}', {'quota_set': {'volumes': 1, 'gigabytes': 2}},
                  asker=ADMIN).status == 200  # fmt: skip
    made = make()
    over = latest('POST', '/volumes', {'volume': {'size': 1}})
    assert (over.status, list(over.json)) == (413, ['overLimit'])
    assert 'volumes' in over.json['overLimit']['message']
    grown = latest('POST', f'/volumes/{made}/action', {'os-extend': {'new_size': 3}})
    assert (grown.status, 'gigabytes' in grown.json['overLimit']['message']) == (413, True)


def test_a_volume_in_use_is_extended_since_3_42(api, latest, make, wired, show):
    made = make()
    with wired.db.write() as tx:
        tx.update(Volume, Volume.id == made, status='in-use')
    path, body = f'/volumes/{made}/action', {'os-extend': {'new_size': 2}}
    refused = api('POST', path, body, version='volume 3.41')
    assert (refused.status, 'to extend, currently in-use' in refused.json['badRequest']['message']) == (400, True)
    assert latest('POST', path, body, asker=READER).status == 403
    assert latest('POST', path, body, asker=STRANGER).status == 404
    smaller = latest('POST', path, {'os-extend': {'new_size': 1}})
    assert (smaller.status, 'must be greater' in smaller.json['badRequest']['message']) == (400, True)
    assert latest('POST', path, body).status == 202
    assert (show(made)['status'], show(made)['size']) == ('extending', 1)
    again = latest('POST', path, body)
    assert (again.status, 'currently extending' in again.json['badRequest']['message']) == (400, True)


def test_limits_of_another_project_are_for_operators(latest, api, make):
    make()
    path = f'/limits?project_id={MEMBER.project_id}'
    operator = Context(user_id='o' * 32, project_id='c' * 32, roles=ADMIN.roles)
    used = lambda answer: answer.json['limits']['absolute']['totalVolumesUsed']  # noqa: E731
    assert used(latest('GET', path, asker=operator)) == 1
    assert used(api('GET', path, asker=operator, version='volume 3.38')) == 0
    assert used(latest('GET', path, asker=STRANGER)) == 0


def test_a_source_that_is_not_there_is_a_404(latest, make):
    for name in ('snapshot_id', 'source_volid'):
        assert latest('POST', '/volumes', {'volume': {'size': 1, name: IMAGE}}).status == 404, name
    refused = latest('POST', '/volumes', {'volume': {'size': 1, 'source_volid': make(), 'snapshot_id': IMAGE}})
    assert (refused.status, 'source_volid' in refused.json['badRequest']['message']) == (400, True)


def test_metadata_tells_whether_a_volume_is_read_only(latest, make, act, show):
    made = make(metadata={'a': 'b'})
    for value in (True, False):
        assert act(made, 'os-update_readonly_flag', {'readonly': value}).status == 202
        assert show(made)['metadata'] == {'a': 'b', 'readonly': str(value)}
    assert latest('GET', f'/volumes/{made}/metadata').json == {'metadata': {'a': 'b'}}
