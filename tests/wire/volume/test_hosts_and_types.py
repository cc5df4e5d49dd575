"""Hosts, zones, extra specs and limits over HTTP, as operators and users see them."""

from tests.conftest import ADMIN, MEMBER, STRANGER


def test_a_host_tells_what_its_volumes_come_to(latest, make):
    make(size=2)
    rows = latest('GET', '/os-hosts', asker=ADMIN).json['hosts']
    assert [(row['host_name'], row['service-status'], row['service-state']) for row in rows] == [
        ('h1@fake', 'available', 'enabled')
    ]
    assert latest('GET', '/os-hosts?zone=elsewhere', asker=ADMIN).json == {'hosts': []}
    held = [row['resource'] for row in latest('GET', '/os-hosts/h1@fake', asker=ADMIN).json['host']]
    assert [(row['project'], row['volume_count'], row['total_volume_gb']) for row in held] == [
        ('(total)', '1', '2'),
        (MEMBER.project_id, '1', '2'),
    ]
    assert latest('GET', '/os-hosts/h2@fake', asker=ADMIN).status == 404
    assert latest('GET', '/os-hosts').status == 403


def test_a_zone_that_nobody_has_is_refused(latest):
    refused = latest('POST', '/volumes', {'volume': {'size': 1, 'availability_zone': 'moon'}})
    assert (refused.status, "'moon'" in refused.json['badRequest']['message']) == (400, True)
    assert latest('GET', '/volumes').json['volumes'] == []


def test_a_volume_has_a_zone_before_it_has_a_host(latest):
    made = latest('POST', '/volumes', {'volume': {'size': 1}}).json['volume']
    assert (made['availability_zone'], made['status']) == ('nova', 'creating')


def test_users_see_the_extra_specs_that_tell_what_a_type_can_do(latest):
    body = {'volume_type': {'name': 'fast', 'extra_specs': {'multiattach': 'no', 'volume_backend_name': 'x'}}}
    made = latest('POST', '/types', body, asker=ADMIN).json['volume_type']
    assert made['extra_specs'] == body['volume_type']['extra_specs']
    shown = latest('GET', f'/types/{made["id"]}').json['volume_type']
    assert (shown['extra_specs'], 'qos_specs_id' in shown) == ({'multiattach': 'no'}, False)
    path = f'/types/{made["id"]}/extra_specs'
    assert latest('GET', path).json == {'extra_specs': {'multiattach': 'no'}}
    assert latest('GET', f'{path}/volume_backend_name').status == 404
    assert latest('POST', path, {'extra_specs': {'a': 'b'}}).status == 403


def test_a_limit_is_not_below_what_a_project_has(latest, make):
    make(size=3)
    path = f'/os-quota-sets/{MEMBER.project_id}'
    refused = latest('PUT', path, {'quota_set': {'gigabytes': 2}}, asker=ADMIN)
    assert (refused.status, 'gigabytes' in refused.json['badRequest']['message']) == (400, True)
    for limit in (3, -1):
        assert latest('PUT', path, {'quota_set': {'gigabytes': limit}}, asker=ADMIN).status == 200


def test_stores_are_found_by_name_and_by_what_a_type_asks_for(latest):
    for name, backend in (('here', 'fake'), ('there', 'other')):
        body = {'volume_type': {'name': name, 'extra_specs': {'volume_backend_name': backend}}}
        assert latest('POST', '/types', body, asker=ADMIN).status == 200

    def found(query: str, version: str = '3.61') -> list[str]:
        answer = latest('GET', f'/scheduler-stats/get_pools?{query}', asker=ADMIN, version=f'volume {version}')
        assert answer.status == 200, answer.data
        return [pool['name'] for pool in answer.json['pools']]

    pool = ['h1@fake#fake']
    assert found('detail=true') == found('name=h1@fake%23fake') == found('volume_type=here') == pool
    assert found('name=h2') == found('volume_type=there') == found('name=h2&volume_type=here') == []
    assert found('name=h2', '3.27') == found('volume_type=there', '3.34') == pool
    assert latest('GET', '/scheduler-stats/get_pools?volume_type=none', asker=ADMIN).status == 404


def test_a_summary_has_the_metadata_of_the_volumes_it_counts(latest, make):
    for asker, pairs in ((MEMBER, {'a': '1', 'b': '1'}), (MEMBER, {'a': '2', 'b': '1'}), (STRANGER, {'a': '3'})):
        assert latest('POST', '/volumes', {'volume': {'size': 1, 'metadata': pairs}}, asker=asker).status == 202
    found = latest('GET', '/volumes/summary').json['volume-summary']
    assert found == {'total_count': 2, 'total_size': 2, 'metadata': {'a': ['1', '2'], 'b': ['1']}}
    every = latest('GET', '/volumes/summary?all_tenants=1', asker=ADMIN).json['volume-summary']
    assert (every['total_count'], every['metadata']['a']) == (3, ['1', '2', '3'])
    assert 'metadata' not in latest('GET', '/volumes/summary', version='volume 3.35').json['volume-summary']


def test_a_private_type_is_for_the_projects_that_it_was_granted(latest):
    def ask(method, path, body=None, asker=ADMIN):
        return latest(method, path, body, asker=asker)

    told = {'name': 'fast', 'os-volume-type-access:is_public': False}
    path = f'/types/{ask("POST", "/types", {"volume_type": told}).json["volume_type"]["id"]}'
    assert ask('GET', f'{path}/os-volume-type-access').json == {'volume_type_access': []}
    granted = {'addProjectAccess': {'project': MEMBER.project_id}}
    assert ask('POST', f'{path}/action', granted, MEMBER).status == 403
    assert ask('GET', path, asker=MEMBER).status == 404
    assert ask('POST', f'{path}/action', granted).status == 202
    again = ask('POST', f'{path}/action', granted)
    assert again.status == 409 and 'already exists' in str(again.json)
    access = ask('GET', f'{path}/os-volume-type-access').json['volume_type_access']
    assert access == [{'volume_type_id': path.rpartition('/')[2], 'project_id': MEMBER.project_id}]
    for asker, sees in ((MEMBER, True), (STRANGER, False)):
        names = [row['name'] for row in ask('GET', '/types', asker=asker).json['volume_types']]
        assert ('fast' in names, ask('GET', path, asker=asker).status) == (sees, 200 if sees else 404)
        made = ask('POST', '/volumes', {'volume': {'size': 1, 'volume_type': 'fast'}}, asker)
        assert made.status == (202 if sees else 404)
    taken = {'removeProjectAccess': {'project': MEMBER.project_id}}
    assert [ask('POST', f'{path}/action', taken).status for _ in range(2)] == [202, 404]
    assert ask('GET', path, asker=MEMBER).status == 404


def test_a_public_type_is_granted_to_nobody(latest):
    path = f'/types/{latest("GET", "/types/default", asker=ADMIN).json["volume_type"]["id"]}'
    assert latest('GET', f'{path}/os-volume-type-access', asker=ADMIN).status == 404
    for action in ('addProjectAccess', 'removeProjectAccess'):
        refused = latest('POST', f'{path}/action', {action: {'project': MEMBER.project_id}}, asker=ADMIN)
        assert refused.status == 400 and 'public volume type' in refused.json['badRequest']['message']
