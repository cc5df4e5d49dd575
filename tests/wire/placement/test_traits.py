"""Traits: those that everybody knows, those that operators make, and which hosts have them."""

import pytest

from nimbus.scheduler.manager import SchedulerServer
from tests.conftest import MEMBER

WISH = {'vcpus': 1, 'memory_mb': 64, 'disk_gb': 0}


def test_a_trait_is_made_shown_and_deleted(client):
    assert [client('PUT', '/traits/CUSTOM_TEA', '1.6').status for _ in range(2)] == [201, 204]
    answer = client('PUT', '/traits/CUSTOM_MILK', '1.15')
    assert answer.headers['Location'] == '/traits/CUSTOM_MILK' and answer.headers['Last-Modified']
    assert client('GET', '/traits/CUSTOM_TEA', '1.6').status == 204
    found = client('GET', '/traits?name=startswith:CUSTOM', '1.6').json
    assert found == {'traits': ['CUSTOM_MILK', 'CUSTOM_TEA']}
    assert client('DELETE', '/traits/CUSTOM_TEA', '1.6').status == 204
    assert client('DELETE', '/traits/CUSTOM_TEA', '1.6').status == 404
    assert client('GET', '/traits/CUSTOM_TEA', '1.6').status == 404


def test_traits_are_found_by_name_and_by_whether_a_host_has_them(client):
    assert client('GET', '/traits?associated=true', '1.6').json == {'traits': ['COMPUTE_NODE']}
    rest = client('GET', '/traits?associated=false', '1.6').json['traits']
    assert 'COMPUTE_NODE' not in rest and 'HW_CPU_X86_VMX' in rest
    assert client('GET', '/traits?name=in:COMPUTE_NODE,NOPE', '1.6').json == {'traits': ['COMPUTE_NODE']}
    assert client('GET', '/traits?name=HW', '1.6').status == 400
    assert client('GET', '/traits?associated=maybe', '1.6').status == 400
    assert client('GET', '/traits?nope=1', '1.6').status == 400


@pytest.mark.parametrize('name', ['TEA', 'CUSTOM_', 'CUSTOM_tea', 'CUSTOM_' + 'A' * 249, 'COMPUTE_NODE'])
def test_only_names_of_ones_own_can_be_made(client, name):
    answer = client('PUT', f'/traits/{name}', '1.6')
    assert answer.status == 400 and 'start with the prefix "CUSTOM_"' in answer.json['errors'][0]['detail']


def test_a_standard_trait_and_one_that_a_host_has_are_not_deleted(client, cloud):
    assert client('DELETE', '/traits/COMPUTE_NODE', '1.6').status == 400
    client('PUT', '/traits/CUSTOM_TEA', '1.6')
    url = f'/resource_providers/{cloud.first}/traits'
    assert client('PUT', url, '1.6', body={'traits': ['CUSTOM_TEA'], 'resource_provider_generation': 0}).status == 200
    answer = client('DELETE', '/traits/CUSTOM_TEA', '1.6')
    assert (answer.status, answer.json['errors'][0]['title']) == (409, 'Conflict')


def test_a_provider_is_given_traits_beside_those_that_it_reports(client, cloud):
    client('PUT', '/traits/CUSTOM_TEA', '1.6')
    url = f'/resource_providers/{cloud.second}/traits'
    body = {'traits': ['CUSTOM_TEA', 'HW_CPU_X86_VMX'], 'resource_provider_generation': 1}
    told = {'traits': ['COMPUTE_NODE', 'CUSTOM_TEA', 'HW_CPU_X86_VMX'], 'resource_provider_generation': 2}
    assert client('PUT', url, '1.6', body=body).json == told == client('GET', url, '1.6').json
    late = client('PUT', url, '1.23', body=body)
    assert (late.status, late.json['errors'][0]['code']) == (409, 'placement.concurrent_update')
    assert client('DELETE', url, '1.6').status == 204
    assert client('GET', url, '1.6').json == {'traits': ['COMPUTE_NODE'], 'resource_provider_generation': 3}


@pytest.mark.parametrize(
    'body, said',
    [
        ({'traits': ['CUSTOM_NOPE'], 'resource_provider_generation': 1}, 'No such trait CUSTOM_NOPE'),
        ({'traits': ['']}, ''),
        ({'traits': [1], 'resource_provider_generation': 1}, ''),
        ({'traits': [], 'resource_provider_generation': '1'}, ''),
        ({'traits': [], 'resource_provider_generation': 1, 'nope': 1}, 'nope'),
        ([], ''),
    ],
)
def test_a_body_of_another_form_gives_no_trait(client, cloud, body, said):
    url = f'/resource_providers/{cloud.second}/traits'
    answer = client('PUT', url, '1.6', body=body)
    assert answer.status == 400 and said in answer.json['errors'][0]['detail']
    assert client('GET', url, '1.6').json == {'traits': ['COMPUTE_NODE'], 'resource_provider_generation': 1}


def test_the_scheduler_looks_at_the_traits_that_a_provider_was_given(client, cloud, database):
    scheduler = SchedulerServer(database)

    def placed(**specs: str) -> str:
        found = scheduler.place(MEMBER, 'trial', {**WISH, 'extra_specs': {'trait:CUSTOM_TEA': 'required', **specs}})
        scheduler.release(MEMBER, 'trial')
        return str(found['host'])

    client('PUT', '/traits/CUSTOM_TEA', '1.6')
    with pytest.raises(Exception, match='a host that is CUSTOM_TEA'):
        placed()
    url = f'/resource_providers/{cloud.first}/traits'
    client('PUT', url, '1.6', body={'traits': ['CUSTOM_TEA'], 'resource_provider_generation': 0})
    assert placed() == 'h1'
    with pytest.raises(Exception, match='No valid host'):
        placed(**{'trait:COMPUTE_NODE': 'required'})
    assert placed(**{'trait:COMPUTE_NODE': 'forbidden'}) == 'h1'
