"""A rule that compares what the asker is with what the target is: nothing is never the same as nothing."""

import importlib
import re

import pytest
from oslo_policy import policy as oslo

from nimbus.api.kit.policy import BASE_RULES, Policy
from nimbus.common import context

SERVICES = ('identity', 'compute', 'image', 'network', 'volume', 'placement')
ROLES = ('reader', 'member', 'manager')
# Everybody who is somebody and lacks something: a project, a domain, or both.
ASKERS = {
    'no scope': context.Context(user_id='u', user_domain_id='d', roles=ROLES),
    'a project': context.Context(user_id='u', user_domain_id='d', project_id='p', project_domain_id='d', roles=ROLES),
    'a domain': context.Context(user_id='u', user_domain_id='d', domain_id='d', roles=ROLES),
    'nobody': context.Context(roles=ROLES),
}


def rules_of(service: str) -> tuple[oslo.RuleDefault, ...]:
    """The defaults of one service."""
    return importlib.import_module(f'nimbus.api.{service}.policies').RULES


@pytest.fixture(scope='module')
def policies() -> dict[str, Policy]:
    return {service: Policy(rules_of(service)) for service in SERVICES}


@pytest.fixture(scope='module')
def names() -> set[str]:
    """Everything that any rule asks of a target."""
    checks = [rule.check_str for rule in BASE_RULES]
    checks += [rule.check_str for service in SERVICES for rule in rules_of(service)]
    return {name for check in checks for name in re.findall(r'%\(([^)]+)\)s', check)}


@pytest.mark.parametrize('asker', ASKERS)
@pytest.mark.parametrize('service', SERVICES)
def test_a_target_that_has_nothing_is_nobodys(policies, names, service, asker):
    stranger, empty = dict.fromkeys(names, 'other'), dict.fromkeys(names, None)
    rules, who = policies[service], ASKERS[asker]
    open_to_all = [name for name in rules.names() if rules.allows(name, who, stranger)]
    assert [name for name in rules.names() if rules.allows(name, who, empty)] == open_to_all


def test_the_rules_that_compare_are_found(names):
    assert {'project_id', 'target.user.domain_id', 'network:project_id'} <= names
