"""The allocations that would be possible for what is asked for."""

import pytest

from nimbus.common.agents import services
from nimbus.scheduler import hosts
from tests.wire.placement.conftest import facts

NOBODY = '00000000-0000-4000-8000-00000000dead'


def ids(answer) -> list[str]:
    assert answer.status == 200, answer.data
    found = [list(each['allocations']) for each in answer.json['allocation_requests']]
    assert sorted(answer.json['provider_summaries']) == sorted(one for some in found for one in some)
    return [one for some in found for one in some]


def test_a_candidate_is_told_as_each_version_tells_it(client, cloud):
    asked = {'VCPU': 3, 'MEMORY_MB': 600}
    url = '/allocation_candidates?resources=VCPU:3,MEMORY_MB:600'
    old = client('GET', url, '1.10').json
    allocations = [{'resource_provider': {'uuid': cloud.second}, 'resources': asked}]
    room = {'VCPU': {'capacity': 16, 'used': 2}, 'MEMORY_MB': {'capacity': 7680, 'used': 1024}}
    assert old == {
        'allocation_requests': [{'allocations': allocations}],
        'provider_summaries': {cloud.second: {'resources': room}},
    }
    plain = {'allocations': {cloud.second: {'resources': asked}}}
    assert client('GET', url, '1.12').json['allocation_requests'] == [plain]
    assert client('GET', url, '1.17').json['provider_summaries'][cloud.second]['traits'] == ['COMPUTE_NODE']
    whole = {**room, 'DISK_GB': {'capacity': 100, 'used': 0}}
    assert client('GET', url, '1.27').json['provider_summaries'][cloud.second]['resources'] == whole
    newest = client('GET', url, '1.39').json
    assert newest['allocation_requests'] == [{**plain, 'mappings': {'': [cloud.second]}}]
    tree = {'parent_provider_uuid': None, 'root_provider_uuid': cloud.second}
    assert newest['provider_summaries'] == {cloud.second: {'resources': whole, 'traits': ['COMPUTE_NODE'], **tree}}


@pytest.mark.parametrize(
    'query, version, found',
    [
        ('resources=VCPU:1', '1.10', 'both'),
        ('resources=VCPU:15', '1.10', 'first'),
        ('resources=VCPU:17', '1.10', ''),
        ('resources=VGPU:1', '1.10', ''),
        ('resources=VCPU:1&limit=1', '1.16', 'first'),
        ('resources=VCPU:1&required=COMPUTE_NODE', '1.17', 'second'),
        ('resources=VCPU:1&required=!COMPUTE_NODE', '1.22', 'first'),
        ('resources=VCPU:1&required=in:COMPUTE_NODE,HW_CPU_X86_VMX', '1.39', 'second'),
        ('resources=VCPU:1&member_of={rack}', '1.21', 'second'),
        ('resources=VCPU:1&member_of=!{rack}', '1.32', 'first'),
        ('resources=VCPU:1&in_tree={first}', '1.31', 'first'),
        ('resources=VCPU:1&in_tree={rack}', '1.31', ''),
        ('resources1=VCPU:1', '1.25', 'both'),
        ('resources=VCPU:8&resources1=VCPU:8', '1.25', 'first'),
        ('resources=VCPU:8&resources1=VCPU:9', '1.25', ''),
        ('resources1=VCPU:1&resources2=MEMORY_MB:1&group_policy=none', '1.25', 'both'),
        ('resources1=VCPU:1&resources2=MEMORY_MB:1&group_policy=isolate', '1.25', ''),
        ('resources=VCPU:1&resources1=MEMORY_MB:1&group_policy=isolate', '1.25', 'both'),
        ('resources1=VCPU:1&required1=COMPUTE_NODE&in_tree1={second}', '1.31', 'second'),
        ('resources_COMPUTE=VCPU:1', '1.33', 'both'),
        ('resources=VCPU:1&root_required=COMPUTE_NODE', '1.35', 'second'),
        ('resources=VCPU:1&root_required=!COMPUTE_NODE', '1.35', 'first'),
        ('resources1=VCPU:1&required2=COMPUTE_NODE&same_subtree=1,2&group_policy=none', '1.36', 'second'),
    ],
)
def test_candidates_are_found(client, cloud, query, version, found):
    expected = {'both': [cloud.first, cloud.second], '': []}.get(found) or ([getattr(cloud, found)] if found else [])
    answer = client('GET', f'/allocation_candidates?{query.format(**vars(cloud))}', version)
    if version == '1.10':
        assert [
            one['allocations'][0]['resource_provider']['uuid'] for one in answer.json['allocation_requests']
        ] == expected
    else:
        assert ids(answer) == expected


def test_groups_are_mapped_to_their_provider(client, cloud):
    url = '/allocation_candidates?resources=VCPU:1&resources_A=VCPU:2&required_A=COMPUTE_NODE'
    [found] = client('GET', url, '1.34').json['allocation_requests']
    assert found['mappings'] == {'': [cloud.second], '_A': [cloud.second]}
    assert found['allocations'] == {cloud.second: {'resources': {'VCPU': 3}}}


def test_a_host_that_is_switched_off_says_so_by_a_trait(client, cloud, database):
    with database.write() as tx:
        tx.update(services.Service, services.Service.host == 'h1', disabled=True)
    url = '/allocation_candidates?resources=VCPU:1&required=!COMPUTE_STATUS_DISABLED'
    assert ids(client('GET', url, '1.22')) == [cloud.second]


def test_a_changed_ratio_is_shown_at_once(client, cloud, database):
    with database.write() as tx:
        hosts.report(tx, 'h1', facts('n1', memory_mb=512, ratios={'vcpus': 8.0}))
    assert ids(client('GET', '/allocation_candidates?resources=VCPU:30', '1.12')) == [cloud.first]


@pytest.mark.parametrize(
    'query, version, said',
    [
        ('', '1.10', "'resources' is a required property"),
        ('limit=1', '1.16', "'resources' is a required property"),
        ('', '1.25', 'At least one request group'),
        ('', '1.36', 'There must be at least one resources or resources[$S] parameter.'),
        ('resources=', '1.10', 'Got: empty string.'),
        ('resources=TEA:1', '1.10', 'No such resource class TEA.'),
        ('resources=VCPU:1&limit=1', '1.15', "'limit' was unexpected"),
        ('resources=VCPU:1&limit=0', '1.16', "'0' does not match"),
        ('resources=VCPU:1&limit=-1', '1.16', "'-1' does not match"),
        ('resources=VCPU:1&required=COMPUTE_NODE', '1.16', "'required' was unexpected"),
        ('resources=VCPU:1&required=HW_TEA', '1.17', 'No such trait(s): HW_TEA.'),
        ('resources=VCPU:1&required=!COMPUTE_NODE', '1.21', 'Got: !COMPUTE_NODE'),
        ('resources=VCPU:1&required=COMPUTE_NODE,!COMPUTE_NODE', '1.22', 'Conflicting required and forbidden traits'),
        ('resources=VCPU:1&resources1=VCPU:1', '1.24', "'resources1' was unexpected"),
        ('resources_A=VCPU:1', '1.32', "'resources_A' was unexpected"),
        ('resources1=VCPU:1&resources2=VCPU:1', '1.25', 'The "group_policy" parameter is required'),
        ('resources=VCPU:1&group_policy=tea', '1.25', "'tea' is not one of"),
        ('resources=VCPU:1&required1=COMPUTE_NODE', '1.25', 'orphaned traits keys: required1'),
        (f'resources=VCPU:1&member_of1={NOBODY}', '1.25', 'orphaned member_of keys: member_of1'),
        (f'resources=VCPU:1&in_tree1={NOBODY}', '1.31', 'All request groups must specify resources.'),
        ('resources=VCPU:1&in_tree=tea', '1.31', "Expected 'in_tree' parameter to be a format of uuid"),
        ('resources=VCPU:1&root_required=COMPUTE_NODE&root_required=COMPUTE_NODE', '1.35', 'only once'),
        ('resources=VCPU:1&root_required=COMPUTE_NODE,!COMPUTE_NODE', '1.35', 'found in root_required: COMPUTE_NODE'),
        ('resources=VCPU:1&root_required=in:COMPUTE_NODE', '1.39', 'only supported since'),
        ('resources=VCPU:1&required1=COMPUTE_NODE', '1.36', "bad group(s) - ['1']"),
        ('resources=VCPU:1&same_subtree=', '1.36', 'Empty string (unsuffixed group)'),
        ('resources1=VCPU:1&same_subtree=1,2', '1.36', "['2'] not found in ['1']"),
        ('resources=VCPU:1&nope=1', '1.39', "'nope' was unexpected"),
    ],
)
def test_a_query_of_another_form_is_refused(client, query, version, said):
    answer = client('GET', f'/allocation_candidates?{query}', version)
    assert answer.status == 400 and said in answer.json['errors'][0]['detail'], answer.data


@pytest.mark.parametrize(
    'query, code',
    [
        ('resources=VCPU:1&root_required=COMPUTE_NODE&root_required=COMPUTE_NODE', 'placement.query.duplicate_key'),
        ('resources1=VCPU:1&same_subtree=1,2', 'placement.query.bad_value'),
        ('', 'placement.query.missing_value'),
        ('resources=VCPU', 'placement.undefined_code'),
    ],
)
def test_refusals_have_their_code(client, query, code):
    assert client('GET', f'/allocation_candidates?{query}', '1.36').json['errors'][0]['code'] == code


def test_candidates_came_with_a_version(client):
    assert client('GET', '/allocation_candidates?resources=VCPU:1', '1.9').status == 404
