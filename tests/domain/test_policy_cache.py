"""What is remembered of a rule's answer: never more than it depends on, never less."""

import pytest
from oslo_policy import policy as oslo

from nimbus.api.kit.policy import BASE_RULES, Policy
from nimbus.common.context import Context

RULES = (
    oslo.RuleDefault('thing:own', 'rule:project_reader_api'),
    oslo.RuleDefault('thing:deep', 'not (user_id:%(target.user.id)s or rule:thing:own) and role:%(wanted)s'),
    oslo.RuleDefault('thing:round', 'rule:thing:around or project_id:%(project_id)s'),
    oslo.RuleDefault('thing:around', 'rule:thing:round'),
    oslo.RuleDefault('thing:elsewhere', 'http://127.0.0.1:1/%(name)s'),
)


@pytest.fixture
def rules():
    """A policy, and how often its rules themselves were asked."""
    made = Policy((*BASE_RULES, *RULES))
    asked = []
    ask = made._loaded.enforcer.enforce
    made._loaded.enforcer.enforce = lambda rule, *more: asked.append(rule) or ask(rule, *more)
    made.asked = asked
    return made


READER = Context(user_id='u', project_id='p', roles=('reader',))


def test_a_thousand_rows_of_one_owner_are_asked_about_once(rules):
    found = {rules.allows('thing:own', READER, {'project_id': 'p', 'id': number}) for number in range(1000)}
    assert (found, len(rules.asked)) == ({True}, 1)


def test_rows_of_other_owners_have_answers_of_their_own(rules):
    found = [rules.allows('thing:own', READER, {'project_id': owner}) for owner in ('p', 'q', 'p', 'q')]
    assert (found, len(rules.asked)) == ([True, False, True, False], 2)


def test_a_value_that_is_absent_is_told_from_every_other(rules):
    assert rules.allows('thing:own', READER, {'project_id': 'p'})
    assert not rules.allows('thing:own', READER, {'id': 'p'})


def test_names_are_found_however_deep_a_rule_reads_them(rules):
    assert rules._loaded.reads['thing:deep'] == {'target.user.id', 'project_id', 'wanted'}
    assert rules._loaded.reads['thing:round'] == {'project_id'}


def test_a_rule_that_asks_elsewhere_is_asked_every_time(rules):
    assert rules._loaded.reads['thing:elsewhere'] is None
    for _ in range(2):
        with pytest.raises(Exception, match='127.0.0.1'):
            rules.allows('thing:elsewhere', READER, {'name': 'x'})
    assert len(rules.asked) == 2
