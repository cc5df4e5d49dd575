"""Trusts without HTTP: how often they are used, when they end, and what another process knows of it."""

import datetime
import threading

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.identity.models import Project, Role, Trust, User
from nimbus.identity.people import groups, users
from nimbus.identity.roles import delegation, roles, trusts
from nimbus.identity.tokens import payload

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def lend(world):
    """The administrator lends reader on his project to a new user; returns the trust's id."""

    def make(**more):
        with world.db.write() as tx:
            values = {
                'trustor_user_id': tx.scalar(sa.select(User.id).where(User.name == 'admin')),
                'trustee_user_id': trustee(tx),
                'project_id': tx.scalar(sa.select(Project.id).where(Project.name == 'admin')),
                'impersonation': True,
                'role_ids': [tx.scalar(sa.select(Role.id).where(Role.name == 'reader'))],
            }
            return trusts.create(tx, values | more, None, 3)

    def trustee(tx):
        found = tx.scalar(sa.select(User.id).where(User.name == 'carol'))
        hashed = world.authority.passwords.hash('pw')
        return found or users.create(tx, {'name': 'carol', 'domain_id': 'default'}, {}, hashed)

    return make


def use(world, trust_id):
    user = {'name': 'carol', 'password': 'pw', 'domain': {'id': 'default'}}
    identity = {'methods': ['password'], 'password': {'user': user}}
    return world.authority.login(identity, {'OS-TRUST:trust': {'id': trust_id}})[0]


def test_the_last_use_is_given_to_one_alone(world, lend):
    trust_id, outcomes = lend(remaining_uses=3), []

    def attempt():
        try:
            outcomes.append(use(world, trust_id))
        except (errors.Forbidden, errors.Unauthenticated):
            outcomes.append(None)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8 and len([token for token in outcomes if token]) == 3
    with world.db.read() as tx:
        assert tx.scalar(sa.select(Trust.remaining_uses)) == 0


def test_a_token_ends_when_its_trust_does(world, lend):
    token = use(world, lend(expires_at=world.clock.now() + HOUR / 2))
    assert world.validator.validate(token).user_name == 'admin'
    world.clock.advance(HOUR.total_seconds() / 2 + 1)
    with pytest.raises(errors.Unauthenticated):
        world.validator.validate(token)


def test_a_trust_that_has_ended_is_as_gone(world, lend):
    trust_id = lend(expires_at=world.clock.now() + HOUR / 2)
    world.clock.advance(HOUR.total_seconds())
    with pytest.raises(errors.Unauthenticated):
        use(world, trust_id)


@pytest.mark.parametrize('how', ['trust', 'role', 'group'])
def test_another_process_hears_of_it_at_its_next_look(world, lend, how):
    trust_id = lend()
    token, other = use(world, trust_id), world.another()
    assert other.validate(token).roles == ('reader',)
    with world.db.write() as tx:
        if how == 'trust':
            trusts.delete(tx, trust_id)
        elif how == 'role':
            roles.forget(tx, tx.scalar(sa.select(Role.id).where(Role.name == 'reader')))
        else:
            group_id = groups.create(tx, {'name': 'g', 'domain_id': 'default'}, {})
            groups.add(tx, group_id, tx.scalar(sa.select(User.id).where(User.name == 'admin')))
    other.poll()
    if how == 'group':
        assert other.validate(token).roles == ('reader',)
    else:
        with pytest.raises(errors.Unauthenticated):
            other.validate(token)


def test_a_chain_that_bites_its_tail_is_no_chain(world, lend):
    trust_id = lend()
    with world.db.write() as tx:
        tx.update(Trust, Trust.id == trust_id, redelegated_trust_id=trust_id)
        assert delegation.of(tx, trust_id) == []
    with pytest.raises(errors.Unauthenticated):
        use(world, trust_id)


def test_a_trust_makes_a_token_no_more_than_a_line_longer(world, lend):
    plain, lent = world.login(), use(world, lend())
    assert len(lent) - len(plain) < 40
    claims = world.validator.read(lent)
    assert claims.trust_id and payload.unpack(payload.pack(claims)) == claims
