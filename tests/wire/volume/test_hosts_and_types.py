"""Hosts, zones, extra specs and limits over HTTP, as operators and users see them."""

from tests.conftest import ADMIN, MEMBER


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
