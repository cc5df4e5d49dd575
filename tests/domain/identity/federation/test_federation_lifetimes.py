"""What a federated login is worth over time, and what of it goes on another host."""

import datetime

import pytest

from nimbus.common import errors
from nimbus.identity.federation import federated_users, mappings, protocols, providers, provision
from nimbus.identity.models import Role, User
from nimbus.identity.models_federation import FederatedUser
from nimbus.identity.people import activity, groups, projects
from nimbus.identity.roles import assignments
from nimbus.identity.roles.assignments import Grant
from nimbus.identity.settings.compliance import Compliance
from nimbus.identity.tokens import payload
from nimbus.identity.tokens.payload import Claims

RULES = {'rules': [{'local': [{'user': {'name': '{0}'}}], 'remote': [{'type': 'X'}]}]}


@pytest.fixture
def alice(world):
    """A user of the identity provider `acme`, in a group that is a member of a project for ten minutes."""
    with world.db.write() as tx:
        mappings.create(tx, 'm', RULES)
        providers.create(tx, 'acme', {'enabled': True, 'domain_id': 'default'})
        protocols.create(tx, 'acme', 'openid', {'mapping_id': 'm'})
        who = federated_users.Shadow('acme', 'openid', 'a-1', 'alice', 'default', 'a@x')
        user_id = federated_users.keep(tx, who, world.clock.now())
        group_id = groups.create(tx, {'name': 'devs', 'domain_id': 'default'}, {})
        project_id = projects.create(tx, {'name': 'lab', 'domain_id': 'default'}, {})
        role_id = tx.row(provision.sa.select(Role.id).where(Role.name == 'member')).id
        assignments.grant(tx, Grant('group', group_id, 'project', project_id, role_id))
        federated_users.join(tx, 'acme', user_id, [group_id], 10, world.clock.now())
    return {'who': who, 'user': user_id, 'group': group_id, 'project': project_id}


def token_of(world, alice, **more):
    now = world.clock.now()
    claims = Claims(
        methods=('openid',),
        user_id=alice['user'],
        scope='project',
        scope_id=alice['project'],
        issued_at=now,
        expires_at=now + datetime.timedelta(hours=1),
        audit_ids=(payload.new_audit_id(),),
        **more,
    )
    assert payload.unpack(payload.pack(claims)) == claims
    return world.validator.encode(claims)


def test_a_warm_token_loses_a_group_in_the_second_that_it_ends(world, alice):
    """The token itself lasts on: nothing needs to be revoked for this."""
    token = token_of(world, alice)
    for validator in (world.validator, world.another()):
        assert set(validator.validate(token).roles) == {'member', 'reader'}
    world.clock.advance(599)
    assert world.validator.validate(token).roles
    world.clock.advance(2)
    for validator in (world.validator, world.another()):
        with pytest.raises(errors.Unauthenticated):
            validator.validate(token)


def test_a_group_that_is_told_again_is_kept_longer(world, alice):
    token = token_of(world, alice)
    world.validator.validate(token)
    world.clock.advance(540)
    with world.db.write() as tx:
        federated_users.join(tx, 'acme', alice['user'], [alice['group']], 10, world.clock.now())
    world.validator.poll()
    world.clock.advance(590)
    assert world.validator.validate(token).roles


def test_groups_in_a_token_last_as_long_as_it(world, alice):
    marks = {'identity_provider_id': 'acme', 'protocol_id': 'openid', 'group_ids': (alice['group'],)}
    token = token_of(world, alice, **marks)
    world.validator.validate(token)
    world.clock.advance(3000)
    assert world.validator.validate(token).roles


@pytest.mark.parametrize('marks', [('acme', 'other'), ('other', 'openid')])
def test_a_token_of_a_login_that_cannot_have_been_is_none(world, alice, marks):
    told = {'identity_provider_id': marks[0], 'protocol_id': marks[1], 'group_ids': (alice['group'],)}
    with pytest.raises(errors.Unauthenticated):
        world.validator.validate(token_of(world, alice, **told))


def test_another_host_refuses_what_a_provider_let_in_when_it_is_gone(world, alice):
    marks = {'identity_provider_id': 'acme', 'protocol_id': 'openid', 'group_ids': (alice['group'],)}
    token, other = token_of(world, alice, **marks), world.another()
    other.validate(token)
    with world.db.write() as tx:
        providers.update(tx, 'acme', {'enabled': False})
    world.clock.advance(1)
    with pytest.raises(errors.Unauthenticated):
        other.validate(token)
    with world.db.write() as tx:
        providers.update(tx, 'acme', {'enabled': True})
    world.clock.advance(1)
    with pytest.raises(errors.Unauthenticated):
        other.validate(token)


def test_a_token_too_long_to_be_one_is_not_made(world, alice):
    many = tuple(f'{number:032x}' for number in range(100))
    token = token_of(world, alice, identity_provider_id='acme', protocol_id='openid', group_ids=(alice['group'], *many))
    assert world.validator.validate(token).roles
    long = tuple(f'{number:064x}' for number in range(100))
    with pytest.raises(errors.Forbidden, match='A token for 100 groups would have [0-9]+ characters, and 6144'):
        token_of(world, alice, group_ids=long)


def test_a_user_is_the_same_after_the_provider_was_made_anew(world, alice):
    with world.db.write() as tx:
        providers.delete(tx, 'acme')
        assert tx.row(provision.sa.select(User).where(User.id == alice['user'])) is None
        assert assignments.groups_of(tx, alice['user']) == []
        providers.create(tx, 'acme', {'enabled': True, 'domain_id': 'default'})
        assert federated_users.keep(tx, alice['who'], world.clock.now()) == alice['user']


def test_who_comes_was_not_away_for_too_long(world, alice):
    world.clock.advance(86400 * 40)
    today = world.clock.now()
    with world.db.write() as tx:
        assert not federated_users.is_known(tx, alice['who'], today)
        federated_users.keep(tx, alice['who'], today)
        assert federated_users.is_known(tx, alice['who'], today)
        row = tx.row(provision.sa.select(User).where(User.id == alice['user']))
    rules = Compliance(disable_user_account_days_inactive=30)
    assert activity.judge(rules, today)(row)
    assert not activity.judge(rules, today + datetime.timedelta(days=30))(row)


def test_two_providers_with_the_same_id_of_a_user_have_two_users(world, alice):
    with world.db.write() as tx:
        providers.create(tx, 'other', {'enabled': True, 'domain_id': 'default'})
        one = federated_users.keep(
            tx, federated_users.Shadow('other', 'openid', 'a-1', 'alice', 'default'), world.clock.now()
        )
        two = federated_users.keep(
            tx, federated_users.Shadow('acme', 'saml2', 'a-1', 'alice', 'default'), world.clock.now()
        )
        assert len({alice['user'], one, two}) == 3
        names = tx.column(provision.sa.select(User.name).where(User.id.in_([alice['user'], one, two])))
    assert sorted(name[:6] for name in names) == ['alice', 'alice#', 'alice#'] and len(set(names)) == 3


def test_a_user_whom_two_protocols_know_stays_with_the_other(world, alice):
    with world.db.write() as tx:
        tx.insert(
            FederatedUser,
            user_id=alice['user'],
            identity_provider_id='acme',
            protocol_id='saml2',
            unique_id='a',
            is_origin=False,
        )
        protocols.delete(tx, 'acme', 'openid')
        assert tx.row(provision.sa.select(User.id).where(User.id == alice['user'])) is not None
        providers.delete(tx, 'acme')
        assert tx.row(provision.sa.select(User.id).where(User.id == alice['user'])) is None


def test_a_login_that_fails_halfway_leaves_nothing(world, alice):
    """A user, groups and projects are one write: whoever is stopped within it was never there."""

    class Stopped(Exception):
        pass

    with pytest.raises(Stopped), world.db.write() as tx:
        who = federated_users.Shadow('acme', 'openid', 'b', 'bob', 'default')
        user_id = federated_users.keep(tx, who, world.clock.now())
        federated_users.join(tx, 'acme', user_id, [alice['group']], 5, world.clock.now())
        wanted = provision.resolve(
            tx, ({'name': 'p', 'roles': ('member',), 'domain': None},), 'default', 'default', 'acme'
        )
        provision.provide(tx, user_id, wanted, '1.0')
        raise Stopped
    with world.db.read() as tx:
        assert federated_users.find(tx, who) is None
        assert tx.row(provision.sa.select(User.id).where(User.name == 'bob')) is None
