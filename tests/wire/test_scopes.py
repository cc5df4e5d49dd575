"""Tokens of a domain or of the whole system are for identity: no other service lets them in, whatever their roles."""

import importlib
from typing import Any

import pytest

from nimbus.api.kit.policy import BASE_RULES, Policy
from nimbus.api.network import app as networks
from nimbus.common import context
from tests.conftest import ADMIN
from tests.wire.client import Client

SERVICES = ('compute', 'image', 'network', 'volume', 'placement')
ROLES = ('admin', 'manager', 'member', 'reader', 'service')
WHO: dict[str, Any] = {'user_id': 'u', 'user_domain_id': 'd', 'roles': ROLES}
ELSEWHERE = {
    'a domain': context.Context(request_id='req-x', domain_id='d', **WHO),
    'the system': context.Context(request_id='req-x', system=True, **WHO),
}
HERE = context.Context(request_id='req-x', project_id='p', project_domain_id='d', **WHO)
# What rules are made of, and no route asks of itself.
PARTS = {
    'owner',
    'admin_or_owner',
    'network_owner',
    'sg_owner',
    'shared',
    'external',
    'restrict_wildcard',
    'network_device',
    'admin_only',
    'service_or_admin',
    'admin_or_service_api',
    'admin_or_project_reader_or_service_api',
    *(rule.name for rule in BASE_RULES),
}


@pytest.mark.parametrize('service', SERVICES)
@pytest.mark.parametrize('scope', ELSEWHERE)
def test_no_rule_lets_in_a_token_that_is_of_no_project(service, scope):
    rules = Policy(importlib.import_module(f'nimbus.api.{service}.policies').RULES)
    own = {'project_id': None, 'user_id': 'u', 'owner': None, 'visibility': 'public', 'network:shared': True}
    asked = [name for name in rules.names() if name not in PARTS]
    assert [name for name in asked if rules.allows(name, ELSEWHERE[scope], own)] == []
    assert [name for name in asked if rules.allows(name, HERE, {**own, 'project_id': 'p', 'owner': 'p'})] != []


@pytest.mark.parametrize('scope', ELSEWHERE)
def test_an_admin_of_no_project_neither_sees_nor_makes_networks(parts, scope):
    neutron = Client(networks.make(parts), prefix='/v2.0')
    made = neutron('POST', '/networks', {'network': {'name': 'n'}}, ADMIN).json['network']
    asker = ELSEWHERE[scope]
    for path in ('/networks', f'/networks/{made["id"]}', '/ports', '/agents', '/quotas'):
        answer = neutron('GET', path, asker=asker)
        assert answer.status in (403, 404) or list(answer.json.values()) == [[]], (path, answer.data)
    assert neutron('PUT', f'/networks/{made["id"]}', {'network': {'name': 'x'}}, asker).status in (403, 404)
    for kind, path in (('network', '/networks'), ('router', '/routers'), ('security_group', '/security-groups')):
        assert neutron('POST', path, {kind: {'name': 'x'}}, asker).status == 403, path
