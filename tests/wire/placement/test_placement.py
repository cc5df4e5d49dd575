"""Hosts and claims, as the field's tools read them from placement."""

import pytest

from nimbus.api.placement.routes import ROUTES
from tests.conftest import MEMBER, OUTSIDER, READER, SERVICE, STRANGER
from tests.wire.placement.conftest import SERVER

NOBODY = '00000000-0000-4000-8000-00000000dead'


def names(answer) -> list[str]:
    assert answer.status == 200, answer.data
    return [row['name'] for row in answer.json['resource_providers']]


def test_the_root_tells_the_versions_to_everybody(client):
    answer = client('GET', '/', asker=None)
    assert answer.json == {
        'versions': [
            {
                'id': 'v1.0',
                'min_version': '1.0',
                'max_version': '1.39',
                'status': 'CURRENT',
                'links': [{'rel': 'self', 'href': ''}],
            }
        ]
    }


def test_an_answer_names_its_version(client):
    answer = client('GET', '/resource_providers', '1.4')
    assert answer.headers['OpenStack-API-Version'] == 'placement 1.4'
    assert answer.headers['Vary'] == 'OpenStack-API-Version'
    assert client('GET', '/resource_providers', 'latest').headers['OpenStack-API-Version'] == 'placement 1.39'


def test_a_version_beyond_the_last_is_not_acceptable(client):
    answer = client('GET', '/resource_providers', '1.40')
    error = answer.json['errors'][0]
    assert (answer.status, error['min_version'], error['max_version']) == (406, '1.0', '1.39')


def test_a_provider_is_a_host(client, cloud):
    answer = client('GET', f'/resource_providers/{cloud.second}')
    url = f'/resource_providers/{cloud.second}'
    assert answer.json == {
        'uuid': cloud.second,
        'name': 'n2',
        'generation': 1,
        'links': [
            {'rel': 'self', 'href': url},
            {'rel': 'inventories', 'href': f'{url}/inventories'},
            {'rel': 'usages', 'href': f'{url}/usages'},
        ],
    }


@pytest.mark.parametrize('version, links', [('1.0', 3), ('1.1', 4), ('1.6', 5), ('1.11', 6), ('1.39', 6)])
def test_versions_bring_links(client, cloud, version, links):
    assert len(client('GET', f'/resource_providers/{cloud.first}', version).json['links']) == links


def test_a_provider_nobody_knows_is_not_found_in_placements_envelope(client):
    answer = client('GET', f'/resource_providers/{NOBODY}')
    error = answer.json['errors'][0]
    assert (answer.status, error['status'], error['title']) == (404, 404, 'Not Found')
    assert NOBODY in error['detail'] and error['request_id'] and 'code' not in error


@pytest.mark.parametrize(
    'query, version, found',
    [
        ('', '1.0', ['n1', 'n2']),
        ('name=n1', '1.0', ['n1']),
        ('uuid={second}', '1.0', ['n2']),
        ('resources=VCPU:1', '1.4', ['n1', 'n2']),
        ('resources=MEMORY_MB:6656,VCPU:14', '1.4', ['n2']),
        ('resources=MEMORY_MB:6657', '1.4', []),
        ('resources=VGPU:1', '1.4', []),
        ('member_of={first}', '1.3', []),
    ],
)
def test_providers_are_found(client, cloud, query, version, found):
    query = query.format(first=cloud.first, second=cloud.second)
    assert names(client('GET', f'/resource_providers?{query}', version)) == found


@pytest.mark.parametrize(
    'query, version, said',
    [
        ('nope=1', '1.9', "'nope' was unexpected"),
        ('in_tree=x', '1.9', "'in_tree' was unexpected"),
        ('required=HW_TEA', '1.9', "'required' was unexpected"),
        ('resources=VCPU:1', '1.3', "'resources' was unexpected"),
        ('resources=', '1.4', 'Got: empty string.'),
        ('resources=VCPU', '1.4', 'Got: VCPU.'),
        ('resources=VCPU:many', '1.4', 'expected positive integer amount. Got: many.'),
        ('resources=VCPU:0', '1.4', 'requires amount >= 1. Got: 0.'),
        ('resources=TEA:1', '1.4', 'No such resource class TEA.'),
        ('member_of=tea', '1.3', 'valid UUID(s). Got: tea'),
        (f'member_of={NOBODY},{NOBODY}', '1.3', "must be prefixed with the 'in:'"),
        (f'member_of=!{NOBODY}', '1.9', 'Forbidden member_of parameters are not supported'),
        (f'member_of={NOBODY}&member_of={NOBODY}', '1.9', 'Multiple member_of'),
        ('uuid=tea', '1.0', "'uuid' parameter to be a format of uuid"),
    ],
)
def test_a_query_of_another_form_is_refused(client, query, version, said):
    answer = client('GET', f'/resource_providers?{query}', version)
    assert answer.status == 400 and said in answer.json['errors'][0]['detail']


def test_inventories_say_what_there_is_and_what_may_be_claimed(client, cloud):
    url = f'/resource_providers/{cloud.second}/inventories'
    body = client('GET', url).json
    assert body['resource_provider_generation'] == 1
    assert list(body['inventories']) == ['VCPU', 'MEMORY_MB', 'DISK_GB']
    memory = {
        'total': 8192,
        'reserved': 512,
        'min_unit': 1,
        'max_unit': 7680,
        'step_size': 1,
        'allocation_ratio': 1.0,
    }
    assert body['inventories']['MEMORY_MB'] == memory
    assert client('GET', f'{url}/MEMORY_MB').json == {**memory, 'resource_provider_generation': 1}
    assert client('GET', f'{url}/VGPU').status == 404


def test_usages_are_what_servers_claimed(client, cloud):
    body = client('GET', f'/resource_providers/{cloud.second}/usages').json
    assert body == {'resource_provider_generation': 1, 'usages': {'VCPU': 2, 'MEMORY_MB': 1024, 'DISK_GB': 0}}


def test_aggregates_are_those_of_the_compute_api(client, cloud):
    url = f'/resource_providers/{cloud.second}'
    assert client('GET', f'{url}/aggregates', '1.1').json == {'aggregates': [cloud.rack]}
    found = {'aggregates': [cloud.rack], 'resource_provider_generation': 1}
    assert client('GET', f'{url}/aggregates', '1.19').json == found


def test_a_servers_claim_is_its_allocation(client, cloud):
    held = {'VCPU': 2, 'MEMORY_MB': 1024}
    plain = {'allocations': {cloud.second: {'generation': 1, 'resources': held}}}
    assert client('GET', f'/allocations/{SERVER}').json == plain
    assert client('GET', f'/allocations/{NOBODY}', '1.39').json == {'allocations': {}}
    whose = {'project_id': MEMBER.project_id, 'user_id': MEMBER.user_id}
    assert client('GET', f'/allocations/{SERVER}', '1.12').json == {**plain, **whose}
    assert client('GET', f'/allocations/{SERVER}', '1.28').json == {**plain, **whose, 'consumer_generation': 1}
    newest = client('GET', f'/allocations/{SERVER}', '1.38').json
    assert newest == {**plain, **whose, 'consumer_generation': 1, 'consumer_type': 'unknown'}


def test_a_provider_lists_its_consumers(client, cloud):
    url = f'/resource_providers/{cloud.second}/allocations'
    held = {'resources': {'VCPU': 2, 'MEMORY_MB': 1024}}
    assert client('GET', url).json == {'allocations': {SERVER: held}, 'resource_provider_generation': 1}
    assert client('GET', url, '1.28').json['allocations'] == {SERVER: {**held, 'consumer_generation': 1}}


def test_a_project_reads_what_it_uses_and_no_other_does(client):
    url = f'/usages?project_id={MEMBER.project_id}'
    assert client('GET', url, '1.9', READER).json == {'usages': {'VCPU': 2, 'MEMORY_MB': 1024}}
    assert client('GET', f'{url}&user_id=nobody', '1.9').json == {'usages': {}}
    assert client('GET', f'{url}&consumer_type=all', '1.9').status == 400
    assert client('GET', '/usages', '1.9').status == 400
    assert client('GET', url, '1.9', STRANGER).status == 403
    assert client('GET', url, '1.8').status == 404


def test_resource_classes_have_links(client):
    rows = client('GET', '/resource_classes', '1.2').json['resource_classes']
    assert rows[0] == {'name': 'VCPU', 'links': [{'rel': 'self', 'href': '/resource_classes/VCPU'}]}
    assert client('GET', '/resource_classes/DISK_GB', '1.2').json['name'] == 'DISK_GB'
    assert client('GET', '/resource_classes/TEA', '1.2').status == 404


@pytest.mark.parametrize('method', ['POST', 'PUT', 'DELETE'])
def test_what_the_scheduler_keeps_cannot_be_written(client, cloud, method):
    for path in ('/resource_providers', f'/resource_providers/{cloud.first}', f'/allocations/{SERVER}'):
        answer = client(method, path, '1.39')
        assert (answer.status, answer.headers['Allow']) == (405, 'GET')


def test_only_operators_and_services_read_and_write_hosts(client, cloud):
    for route in ROUTES:
        if route.policy is None:
            continue
        path = route.path.format(uuid=cloud.first, name='VCPU')
        body = {'body': {'traits': [], 'resource_provider_generation': 0}} if route.shape else {}
        for asker in (MEMBER, READER, OUTSIDER):
            assert client(route.method, path, '1.39', asker, **body).status == 403
        assert client(route.method, path, '1.39', SERVICE, **body).status in (200, 204, 400, 404, 409)


@pytest.mark.parametrize(
    'query, version, found',
    [
        ('member_of={rack}', '1.3', ['n2']),
        ('member_of=in:{rack},{first}', '1.3', ['n2']),
        ('member_of={rack}&member_of={first}', '1.24', []),
        ('member_of=!{rack}', '1.32', ['n1']),
        ('member_of=!in:{rack},{first}', '1.32', ['n1']),
        ('in_tree={second}', '1.14', ['n2']),
        ('in_tree={rack}', '1.14', []),
        ('required=COMPUTE_NODE', '1.18', ['n2']),
        ('required=!COMPUTE_NODE', '1.22', ['n1']),
        ('required=COMPUTE_NODE,!HW_CPU_X86_VMX', '1.22', ['n2']),
        ('required=in:COMPUTE_NODE,HW_CPU_X86_VMX', '1.39', ['n2']),
        ('required=COMPUTE_NODE&required=HW_CPU_X86_VMX', '1.39', []),
        ('required=HW_CPU_X86_VMX&required=COMPUTE_NODE', '1.38', ['n2']),
    ],
)
def test_providers_are_found_by_traits_trees_and_aggregates(client, cloud, query, version, found):
    query = query.format(**vars(cloud))
    assert names(client('GET', f'/resource_providers?{query}', version)) == found


@pytest.mark.parametrize(
    'query, version, said',
    [
        ('required=', '1.18', 'Got an empty trait in: '),
        ('required=!COMPUTE_NODE', '1.21', 'HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: !COMPUTE_NODE'),
        ('required=HW_TEA', '1.18', 'Invalid trait(s) in "required" parameter: No such trait(s): HW_TEA.'),
        ('required=in:COMPUTE_NODE', '1.38', 'only supported since microversion 1.39'),
        ('required=in:!COMPUTE_NODE', '1.39', 'does not support forbidden traits'),
        ('required=in:COMPUTE_NODE,', '1.39', 'Got an empty trait in: in:COMPUTE_NODE,'),
        ('in_tree=tea', '1.14', "Expected 'in_tree' parameter to be a format of uuid"),
        (f'member_of=!{NOBODY}', '1.31', 'Forbidden member_of parameters are not supported'),
    ],
)
def test_newer_queries_of_another_form_are_refused(client, query, version, said):
    answer = client('GET', f'/resource_providers?{query}', version)
    assert answer.status == 400 and said in answer.json['errors'][0]['detail']


def test_a_provider_is_the_root_of_its_tree(client, cloud):
    body = client('GET', f'/resource_providers/{cloud.first}', '1.14').json
    assert (body['parent_provider_uuid'], body['root_provider_uuid']) == (None, cloud.first)
    assert 'root_provider_uuid' not in client('GET', f'/resource_providers/{cloud.first}', '1.13').json


def test_answers_have_dates_from_a_version_on(client, cloud):
    for route in ROUTES[1:]:
        if route.method != 'GET':
            continue
        path = route.path.format(uuid=cloud.first, name='DISK_GB' if 'trait' not in route.path else 'COMPUTE_NODE')
        query = {'/usages': '?project_id=x', '/allocation_candidates': '?resources=VCPU:1'}.get(path, '')
        old, new = (client('GET', path + query, version) for version in ('1.14', '1.15'))
        assert old.status == new.status != 400, path
        assert (old.headers.get('Cache-Control'), new.headers.get('Cache-Control')) == (None, 'no-cache'), path
        assert 'Last-Modified' not in old.headers and new.headers['Last-Modified'].endswith(' GMT')


def test_errors_have_a_code_from_a_version_on(client):
    path = f'/resource_providers/{NOBODY}'
    old, new = (client('GET', path, version).json['errors'][0] for version in ('1.22', '1.23'))
    assert 'code' not in old and new['code'] == 'placement.undefined_code'
    assert 'code' not in client('GET', path, '1.99').json['errors'][0]


def test_usages_are_told_by_the_type_of_consumer(client):
    url = f'/usages?project_id={MEMBER.project_id}'
    used = {'VCPU': 2, 'MEMORY_MB': 1024, 'consumer_count': 1}
    assert client('GET', url, '1.38').json == {'usages': {'unknown': used}}
    assert client('GET', f'{url}&consumer_type=all', '1.38').json == {'usages': {'all': used}}
    assert client('GET', f'{url}&consumer_type=unknown', '1.38').json == {'usages': {'unknown': used}}
    assert client('GET', f'{url}&consumer_type=INSTANCE', '1.38').json == {'usages': {}}
    assert client('GET', f'{url}&user_id=nobody', '1.38').json == {'usages': {}}
    assert client('GET', f'{url}&consumer_type=tea', '1.38').status == 400
