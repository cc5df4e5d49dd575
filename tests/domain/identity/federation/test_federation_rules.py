"""The rules of mappings: what becomes of an assertion."""

import random
import string
import time

import pytest

from nimbus.common import errors
from nimbus.identity.federation import mapping_schemas, mappings, rules

BOB = {
    'Email': ['bob@example.com'],
    'UserName': ['bob'],
    'FirstName': ['Bob'],
    'LastName': ['Smith'],
    'orgPersonType': ['Employee'],
    'Groups': ['dev', 'ops', 'admin'],
}
USER = {'user': {'name': '{0}'}}
DOMAIN = {'id': 'd'}


def rule(local, *remote):
    return {'local': local if isinstance(local, list) else [local], 'remote': list(remote)}


def run(*told, version='1.0', assertion=None):
    return rules.evaluate('m', list(told), version, BOB if assertion is None else assertion)


def names(mapped):
    return [name for name, _ in mapped.groups]


def test_an_attribute_becomes_the_name():
    assert run(rule(USER, {'type': 'UserName'})).user == {'name': 'bob'}


def test_texts_are_put_together():
    local = {'user': {'name': '{0} {1}', 'email': '<{2}>', 'id': 'x-{0}{0}'}}
    made = run(rule(local, *({'type': name} for name in ('FirstName', 'LastName', 'Email'))))
    assert made.user == {'name': 'Bob Smith', 'email': '<bob@example.com>', 'id': 'x-BobBob'}
    assert made.kind == 'ephemeral' and made.group_ids == () and made.projects == ()


def test_a_condition_passes_no_value_on():
    local = {'user': {'name': '{0}'}}
    made = run(rule(local, {'type': 'orgPersonType', 'any_one_of': ['Employee']}, {'type': 'LastName'}))
    assert made.user == {'name': 'Smith'}


@pytest.mark.parametrize(
    ('remote', 'applies'),
    [
        ({'type': 'orgPersonType', 'any_one_of': ['Contractor', 'Employee']}, True),
        ({'type': 'orgPersonType', 'any_one_of': ['employee']}, False),
        ({'type': 'orgPersonType', 'any_one_of': []}, False),
        ({'type': 'orgPersonType', 'any_one_of': ['^Emp', 'x'], 'regex': True}, True),
        ({'type': 'orgPersonType', 'any_one_of': ['^mp'], 'regex': True}, False),
        ({'type': 'orgPersonType', 'any_one_of': ['^Emp']}, False),
        ({'type': 'orgPersonType', 'not_any_of': ['Contractor']}, True),
        ({'type': 'orgPersonType', 'not_any_of': ['Employee']}, False),
        ({'type': 'Groups', 'not_any_of': ['^adm'], 'regex': True}, False),
        ({'type': 'Groups', 'any_one_of': ['ops']}, True),
        ({'type': 'Absent'}, False),
        ({'type': 'Absent', 'not_any_of': ['x']}, False),
        ({'type': 'Absent', 'blacklist': ['x']}, False),
    ],
)
def test_a_rule_applies_when_all_its_conditions_hold(remote, applies):
    told = rule(USER, {'type': 'UserName'}, remote)
    if applies:
        assert run(told).user == {'name': 'bob'}
    else:
        with pytest.raises(errors.Unauthenticated, match='Could not map any federated user properties'):
            run(told)


@pytest.mark.parametrize(
    ('remote', 'found'),
    [
        ({'whitelist': ['dev', 'ops', 'other']}, ['dev', 'ops']),
        ({'whitelist': ['^(d|a)'], 'regex': True}, ['dev', 'admin']),
        ({'whitelist': []}, []),
        ({'blacklist': ['admin']}, ['dev', 'ops']),
        ({'blacklist': ['.'], 'regex': True}, []),
        ({'blacklist': []}, ['dev', 'ops', 'admin']),
        ({}, ['dev', 'ops', 'admin']),
    ],
)
def test_lists_let_through_what_they_should(remote, found):
    made = run(rule([USER, {'groups': '{1}', 'domain': DOMAIN}], {'type': 'UserName'}, {'type': 'Groups', **remote}))
    assert names(made) == found
    assert all(domain == (('id', 'd'),) for _, domain in made.groups)
    by_id = run(rule([USER, {'group_ids': '{1}'}], {'type': 'UserName'}, {'type': 'Groups', **remote}))
    assert list(by_id.group_ids) == found


def test_groups_of_several_rules_come_together_once():
    made = run(
        rule([USER, {'group': {'id': 'a'}}], {'type': 'UserName'}),
        rule({'group': {'name': 'g', 'domain': {'name': 'D'}}}, {'type': 'Email'}),
        rule({'group': {'name': '{0}', 'domain': DOMAIN}}, {'type': 'LastName'}),
        rule({'group': {'id': 'never'}}, {'type': 'Email', 'any_one_of': ['no']}),
        rule([{'group': {'id': 'a'}}, {'group_ids': "['b', 'c']"}], {'type': 'Email'}),
    )
    assert made.group_ids == ('a', 'b', 'c')
    assert made.groups == (('g', (('name', 'D'),)), ('Smith', (('id', 'd'),)))


def test_the_first_user_counts():
    told = [rule({'user': {'name': name}}, {'type': 'Email'}) for name in ('one', 'two')]
    assert run(*told).user == {'name': 'one'}


def test_a_list_that_an_administrator_spells_is_one_and_an_assertions_is_not():
    assertion = {'UserName': ['bob'], 'Groups': ["['admin', 'ops']"]}
    local = [USER, {'groups': '{1}', 'domain': DOMAIN}, {'groups': "['dev']", 'domain': DOMAIN}]
    remote = [{'type': 'UserName'}, {'type': 'Groups', 'blacklist': ['admin']}]
    assert names(run(rule(local, *remote), assertion=assertion)) == ["['admin', 'ops']", 'dev']


def test_a_mixed_text_is_never_read_as_a_list():
    assertion = {'UserName': ['bob'], 'Groups': ["x', 'admin"]}
    local = [USER, {'group_ids': "['{1}']"}]
    made = run(rule(local, {'type': 'UserName'}, {'type': 'Groups'}), assertion=assertion)
    assert made.group_ids == ("['x', 'admin']",)


def test_groups_may_tell_their_domain():
    assertion = {'UserName': ['bob'], 'Groups': ['JSON:{"name": "g", "domain": {"name": "D"}}', 'plain']}
    local = [USER, {'groups': '{1}', 'domain': DOMAIN}]
    made = run(rule(local, {'type': 'UserName'}, {'type': 'Groups'}), assertion=assertion)
    assert made.groups == (('g', (('name', 'D'),)), ('plain', (('id', 'd'),)))


@pytest.mark.parametrize('group', ['JSON:', 'JSON:[]', 'JSON:{"name": "g"}', 'JSON:{"name": 7, "domain": {}}', 'bare'])
def test_a_group_without_a_domain_is_refused(group):
    with pytest.raises(errors.Unauthenticated, match="'groups' and 'domain'"):
        run(rule([USER, {'groups': '{1}'}], {'type': 'UserName'}, {'type': 'G'}), assertion={**BOB, 'G': [group]})


def test_a_local_user_is_told_apart():
    local = {'user': {'name': '{0}', 'type': 'local', 'domain': {'id': 'x'}}}
    made = run(rule(local, {'type': 'UserName'}))
    assert made.kind == 'local' and made.user == {'name': 'bob', 'domain': {'id': 'x'}}


def test_the_rules_domain_is_the_users_since_the_second_version():
    told = rule([{**USER, 'domain': {'name': '{1}'}}], {'type': 'UserName'}, {'type': 'LastName'})
    assert 'domain' not in run(told).user
    assert run(told, version='2.0').user['domain'] == {'name': 'Smith'}
    own = rule([{'user': {'name': '{0}', 'domain': {'id': 'own'}}, 'domain': DOMAIN}], {'type': 'UserName'})
    assert run(own, version='2.0').user['domain'] == {'id': 'own'}


def test_the_domain_told_last_is_the_users_where_none_is_his():
    user, groups = {'user': {'name': 'x'}, 'domain': {'id': 'first'}}, {'groups': 'g', 'domain': {'id': 'last'}}
    assert run(rule([user, groups], {'type': 'UserName'}), version='2.0').user['domain'] == {'id': 'last'}
    assert run(rule([groups, user], {'type': 'UserName'}), version='2.0').user['domain'] == {'id': 'first'}
    plain = {'group_ids': 'a'}
    assert run(rule([user, plain], {'type': 'UserName'}), version='2.0').user['domain'] == {'id': 'first'}
    assert 'domain' not in run(rule([USER, groups, plain], {'type': 'UserName'}), version='2.0').user


def test_no_group_needs_a_domain_as_well():
    with pytest.raises(errors.Unauthenticated, match="'groups' and 'domain'"):
        run(rule([USER, {'groups': '{1}'}], {'type': 'UserName'}, {'type': 'Groups', 'whitelist': []}))


def test_projects_are_made_with_roles():
    told = [{'name': 'p of {0}', 'roles': [{'name': 'member'}, {'name': '{1}'}]}]
    made = run(rule([USER, {'projects': told, 'domain': DOMAIN}], {'type': 'UserName'}, {'type': 'LastName'}))
    assert made.projects == ({'name': 'p of bob', 'roles': ('member', 'Smith'), 'domain': None},)
    told[0]['domain'] = {'name': 'X'}
    two = [told[0], {'name': 'q', 'roles': []}]
    made = run(
        rule([USER, {'projects': two, 'domain': DOMAIN}], {'type': 'UserName'}, {'type': 'LastName'}), version='2.0'
    )
    assert [project['domain'] for project in made.projects] == [{'name': 'X'}, DOMAIN]


def test_an_assertion_may_spell_projects_since_the_third_version():
    text = '[{"name": "p", "roles": [{"name": "reader"}], "domain": {"id": "d"}}]'
    local = [USER, {'projects_json': '{1}'}]
    made = run(rule(local, {'type': 'UserName'}, {'type': 'P'}), version='3.0', assertion={**BOB, 'P': [text]})
    assert made.projects == ({'name': 'p', 'roles': ('reader',), 'domain': {'id': 'd'}},)
    for bad in ('', '{}', '[{"name": "p"}]', '[7]'):
        with pytest.raises(errors.Unauthenticated, match='projects in the assertion are not valid'):
            run(rule(local, {'type': 'UserName'}, {'type': 'P'}), version='3.0', assertion={**BOB, 'P': [bad]})


def test_braces_of_ones_own_and_several_values_in_a_text():
    made = run(rule({'user': {'name': '{{{0}}} {1}'}}, {'type': 'UserName'}, {'type': 'Groups'}))
    assert made.user['name'] == "{bob} ['dev', 'ops', 'admin']"
    assert run(rule({'user': {'name': '{0}'}}, {'type': 'Groups', 'whitelist': ['none']})).user == {'name': ''}


@pytest.mark.parametrize('text', ['{1}', '{}', '{0.__class__}', '{foo}', '{0', '0}', '{0!r}', '{99999}'])
def test_a_text_that_stands_for_nothing_is_refused_when_written_and_when_used(text):
    told = [rule({'user': {'name': text}}, {'type': 'UserName'})]
    with pytest.raises(errors.Invalid, match='stands for nothing'):
        rules.check(told)
    with pytest.raises(errors.Unauthenticated, match="doesn't exist"):
        rules.evaluate('m', told, '1.0', BOB)


def test_an_expression_that_is_none_is_refused_when_written():
    told = [rule(USER, {'type': 'UserName'}, {'type': 'Email', 'any_one_of': ['(x'], 'regex': True})]
    with pytest.raises(errors.Invalid, match='is not a regular expression'):
        rules.check(told)
    told[0]['remote'][1]['any_one_of'] = ['x' * 1025]
    with pytest.raises(errors.Invalid, match='1024 characters'):
        mappings._checked({'rules': told}, '1.0')


def test_an_expression_that_takes_for_ever_takes_half_a_second(monkeypatch):
    monkeypatch.setattr(rules, 'MATCH_TIMEOUT', 0.05)
    told = rule(USER, {'type': 'UserName'}, {'type': 'Email', 'any_one_of': ['^(a|aa)+$'], 'regex': True})
    began = time.monotonic()
    with pytest.raises(errors.Unauthenticated, match='take too long'):
        run(told, assertion={**BOB, 'Email': ['a' * 60 + '!']})
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    'assertion',
    [
        {f'a{i}': ['x'] for i in range(257)},
        {'UserName': ['x'] * 1025},
        {'UserName': ['x' * 65537]},
    ],
)
def test_an_assertion_is_not_larger_than_that(assertion):
    with pytest.raises(errors.Unauthenticated, match='256 attributes of 1024 values'):
        run(rule(USER, {'type': 'UserName'}), assertion=assertion)


def test_a_text_does_not_grow_without_bounds():
    with pytest.raises(errors.Unauthenticated, match='more than 65536 characters'):
        run(rule({'user': {'name': '{0}' * 1000 + '.'}}, {'type': 'UserName'}), assertion={'UserName': ['x' * 1000]})


def test_the_largest_assertion_and_mapping_are_done_in_no_time():
    assertion = {f'a{i}': [f'{i}-{j}' for j in range(40)] for i in range(200)}
    one = rule(USER, *({'type': f'a{i}', 'blacklist': [f'{i}-{j}' for j in range(5)]} for i in range(200)))
    began = time.process_time()
    run(*[one] * 100, assertion=assertion)
    assert time.process_time() - began < 2


ALPHABET = string.ascii_letters + ' ;:\'"[]{}\\,.0123456789é'


def _word(dice, longest=12):
    return ''.join(dice.choice(ALPHABET) for _ in range(dice.randrange(1, longest)))


def _values(dice):
    return [_word(dice) for _ in range(dice.randrange(1, 6))]


@pytest.mark.parametrize('seed', range(150))
def test_lists_are_two_halves_of_the_values_whatever_these_are(seed):
    """What a whitelist and a blacklist of the same values let through is all there is, in order, and never both."""
    dice = random.Random(seed)
    values, wanted = _values(dice), _values(dice)
    wanted += dice.sample(values, dice.randrange(len(values) + 1))

    def through(name):
        told = rule([USER, {'group_ids': '{1}'}], {'type': 'U'}, {'type': 'A', name: wanted})
        return run(told, assertion={'U': ['u'], 'A': values}).group_ids

    white, black = set(through('whitelist')), set(through('blacklist'))
    assert white | black == set(values) and not white & black
    assert white == set(values) & set(wanted)


@pytest.mark.parametrize('seed', range(150))
def test_no_value_of_an_assertion_is_ever_read_as_anything_but_itself(seed):
    """Whatever a value spells, it comes out as one name, one group and one id."""
    dice = random.Random(seed)
    value = dice.choice([_word(dice), str(_values(dice)), '{0}', '{{', "['a']"])
    told = rule([{'user': {'name': '{0}'}}, {'group_ids': '{0}'}, {'groups': '{0}', 'domain': DOMAIN}], {'type': 'A'})
    made = run(told, assertion={'A': [value]})
    assert made.user['name'] == value and made.group_ids == (value,) and names(made) == [value]


@pytest.mark.parametrize('seed', range(100))
def test_rules_that_pass_the_check_never_fail_but_by_a_refusal(seed):
    """Rules of any shape that were let in end in a user or in a plain refusal, whatever is asserted."""
    dice = random.Random(seed)
    types = ['A', 'B', 'C']

    def local():
        text = dice.choice(['{0}', '{1}', 'x', "['a', 'b']", '{0}-{1}', '[', "['a'"])
        return dice.choice(
            [
                {'user': {'name': text, 'domain': {'name': text}}},
                {'user': {'id': text, 'type': dice.choice(['local', 'ephemeral'])}},
                {'groups': text, 'domain': DOMAIN},
                {'groups': text},
                {'group_ids': text},
                {'group': {'name': text, 'domain': DOMAIN}},
                {'projects': [{'name': text, 'roles': [{'name': text}]}]},
            ]
        )

    def remote():
        how = dice.choice(['', *mapping_schemas.CONDITIONS])
        more = {how: _values(dice), 'regex': False} if how else {}
        return {'type': dice.choice(types), **more}

    told = [rule([local() for _ in range(3)], *(remote() for _ in range(3))) for _ in range(4)]
    version = dice.choice(mapping_schemas.VERSIONS)
    try:
        kept = mappings._checked({'rules': told, 'schema_version': version}, '1.0')
    except errors.Invalid:
        return
    for _ in range(20):
        assertion = {name: _values(dice) for name in dice.sample(types, 2)}
        try:
            made = rules.evaluate('m', kept['rules'], version, assertion)
        except errors.Unauthenticated:
            continue
        assert all(isinstance(one, str) for one in (*made.group_ids, *names(made)))
        assert all(isinstance(value, str | dict) for value in made.user.values())


def test_a_semicolon_stands_between_values():
    assert rules.split({'a': 'x;y', 'b': 'z'}) == {'a': ['x', 'y'], 'b': ['z']}
