"""Every API publishes an OpenAPI document that a tool can use."""

import importlib.util
import json
import re

import jsonschema_rs
import pytest

from nimbus.cmd.manage import openapi

SERVICES = [name for name in openapi.APIS if importlib.util.find_spec(f'nimbus.api.{name}.routes')]
METHODS = {'get', 'put', 'post', 'delete', 'patch', 'head'}


@pytest.mark.parametrize('service', SERVICES)
def test_the_document_is_json_and_describes_every_path(service):
    made = json.loads(json.dumps(openapi.document(service)))
    assert made['openapi'] == '3.1.0' and made['info']['title'] and made['info']['version']
    assert len(made['paths']) > 5
    for path, item in made['paths'].items():
        assert path.startswith('/') and set(item) <= METHODS
        for operation in item.values():
            named = {parameter['name'] for parameter in operation['parameters']}
            assert named == set(re.findall(r'{(\w+)}', path))
            assert operation['summary'] and all(answer['description'] for answer in operation['responses'].values())
            assert all(re.fullmatch(r'[1-5]\d\d|default', status) for status in operation['responses'])


@pytest.mark.parametrize('service', SERVICES)
def test_every_schema_in_the_document_is_one(service):
    for path, item in openapi.document(service)['paths'].items():
        for operation in item.values():
            for media in operation.get('requestBody', {'content': {}})['content'].values():
                assert jsonschema_rs.meta.is_valid(media['schema']), path


def test_actions_of_one_path_are_alternatives():
    made = openapi.document('compute')['paths']['/servers/{id}/action']['post']
    alternatives = made['requestBody']['content']['application/json']['schema']['oneOf']
    assert {'os-start', 'reboot'} <= {next(iter(one['properties'])) for one in alternatives}


def test_a_window_and_a_rule_are_told():
    made = openapi.document('placement')['paths']['/traits']['get']
    assert (made['x-since'], made['x-policy']) == ('1.6', 'placement:traits:list')
