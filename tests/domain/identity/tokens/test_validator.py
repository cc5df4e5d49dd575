"""Encrypted claims, validators that read them, and what they do when the database is away."""

import contextlib
import dataclasses
import datetime
import threading

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.identity import key_repository, revocations
from nimbus.identity.models import Assignment, Revocation, User
from nimbus.identity.people import users
from nimbus.identity.roles import assignments
from nimbus.identity.tokens import payload
from nimbus.identity.tokens.payload import Claims

NOW = datetime.datetime(2030, 1, 2, 3, 4, 5, 678901)


@pytest.mark.parametrize('user_id', ['a1' * 16, 'A1' * 16, 'default', '', 'x' * 64])
@pytest.mark.parametrize('scope', payload.SCOPES)
def test_claims_come_back_as_they_were(user_id, scope):
    claims = Claims(
        methods=('password', 'token'),
        user_id=user_id,
        scope=scope,
        scope_id='default',
        issued_at=NOW,
        expires_at=NOW + datetime.timedelta(seconds=3600),
        audit_ids=(payload.new_audit_id(), payload.new_audit_id()),
        application_credential_id='f' * 32,
    )
    assert payload.unpack(payload.pack(claims)) == claims


@pytest.mark.parametrize('data', [b'', b'\x01', b'\x03' + b'\0' * 40, b'\x01' + b'\0' * 19 + b'\x05'])
def test_other_bytes_are_no_claims(data):
    with pytest.raises(ValueError):
        payload.unpack(data)


def test_a_token_is_short(world):
    assert len(world.login()) < 200


def test_a_warm_token_needs_no_database(world, monkeypatch):
    token = world.login()
    first = world.validator.validate(token, request_id='req-1')
    monkeypatch.setattr(world.db, 'read', None)
    again = world.validator.validate(token, request_id='req-2', remote_address='::1')
    assert (again.user_id, again.roles) == (first.user_id, first.roles)
    assert (first.request_id, again.request_id) == ('req-1', 'req-2')
    assert (again.token, again.remote_address, first.remote_address) == (token, '::1', None)


# OSSA-2013-014.
def test_a_token_ends_when_it_says(world):
    token = world.login()
    world.clock.advance(3599)
    world.validator.validate(token)
    world.clock.advance(1)
    for validator in (world.validator, world.another()):
        with pytest.raises(errors.Unauthenticated):
            validator.validate(token)


# OSSA-2013-014.
def test_a_service_may_finish_with_a_token_that_ended(world):
    token = world.login()
    world.clock.advance(3600)
    user = {'name': 'nimbus', 'password': 'service', 'domain': {'id': 'default'}}
    scope = {'project': {'name': 'service', 'domain': {'id': 'default'}}}
    service, _ = world.authority.login({'methods': ['password'], 'password': {'user': user}}, scope)
    asker = world.validator.validate(token, service_token=service)
    assert asker.is_service and 'service' in asker.service_roles and asker.user_name == 'admin'
    with pytest.raises(errors.Unauthenticated):
        world.validator.validate(token, service_token=token)
    world.clock.advance(world.settings.allow_expired_window)
    with pytest.raises(errors.Unauthenticated):
        world.validator.validate(token, service_token=service)


FULL = Claims(
    methods=payload.METHODS,
    user_id='b2' * 16,
    scope='project',
    scope_id='p',
    issued_at=datetime.datetime(2026, 1, 1),
    expires_at=datetime.datetime(2026, 1, 2),
    audit_ids=(payload.new_audit_id(), payload.new_audit_id()),
    **{name: name for name in payload.NAMES[2:]},
    group_ids=('c3' * 16, 'another'),
)


@pytest.mark.parametrize('absent', ['', *payload.NAMES[1:], 'group_ids'])
def test_every_claim_comes_back_from_its_bytes(absent):
    claims = dataclasses.replace(FULL, **({absent: () if absent == 'group_ids' else ''} if absent else {}))
    assert payload.unpack(payload.pack(claims)) == claims


def test_a_token_from_before_a_payload_was_widened_is_read():
    old = bytes.fromhex(
        '01030100064748462040000006475c63f7a00002' + '11' * 16 + '22' * 16 + 'ff' + 'b2' * 16 + '0170' + '00'
    )
    claims = payload.unpack(old)
    assert (claims.methods, claims.user_id, claims.scope, claims.scope_id, claims.trust_id, claims.group_ids) == (
        ('password', 'token'),
        'b2' * 16,
        'project',
        'p',
        '',
        (),
    )
    for cut in range(len(old) - 3):
        with pytest.raises(ValueError):
            payload.unpack(old[:cut])


def test_a_token_of_foreign_keys_is_refused(world, tmp_path):
    key_repository.setup(tmp_path / 'foreign')
    foreign = world.another()
    foreign.keys = key_repository.KeyRing(tmp_path / 'foreign')
    token = foreign.encode(world.validator.read(world.login()))
    foreign.validate(token)
    with pytest.raises(errors.Unauthenticated):
        world.validator.validate(token)


def test_every_validator_refuses_what_was_revoked(world):
    other, token = world.another(), world.login()
    other.validate(token)
    with world.db.write() as tx:
        revocations.revoke(tx, 'audit', world.validator.read(token).audit_ids[0])
    other.validate(token)  # for less than a second it is still believed
    other.poll()
    for validator in (other, world.another()):  # one that knew the token, one that starts afterwards
        with pytest.raises(errors.Unauthenticated):
            validator.validate(token)


# OSSA-2016-008.
def test_a_chain_is_revoked_with_its_first_token(world):
    first = world.login()
    second, _ = world.authority.login({'methods': ['token'], 'token': {'id': first}}, ADMIN_SCOPE)
    third, _ = world.authority.login({'methods': ['token'], 'token': {'id': second}}, ADMIN_SCOPE)
    with world.db.write() as tx:
        revocations.revoke(tx, 'chain', world.validator.read(first).audit_ids[0])
    world.validator.poll()
    for token in (first, second, third):
        with pytest.raises(errors.Unauthenticated):
            world.validator.validate(token)


ADMIN_SCOPE = {'project': {'name': 'admin', 'domain': {'id': 'default'}}}


def test_a_change_during_a_lookup_is_not_lost_in_the_cache(world, monkeypatch):
    token, validator = world.login(), world.another()
    validator.poll()
    user_id = validator.read(token).user_id
    real, done = world.db.read, []

    @contextlib.contextmanager
    def read():
        with real() as tx:
            yield tx
        if not done:
            done.append(True)
            with world.db.write() as tx:
                assignments.forget(tx, Assignment.actor_id == user_id)
            validator.poll()

    monkeypatch.setattr(world.db, 'read', read)
    assert validator.validate(token).is_admin  # what was read before the change
    with pytest.raises(errors.Unauthenticated):
        validator.validate(token)


def test_revocations_are_numbered_in_the_order_of_their_commits(world):
    def work(name):
        for i in range(20):
            with world.db.write() as tx:
                revocations.revoke(tx, 'audit', f'{name}-{i}')

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with world.db.read() as tx:
        numbers = tx.column(sa.select(Revocation.number).order_by(Revocation.number))
        assert numbers == list(range(1, revocations.newest(tx) + 1))


def test_tokens_are_refused_when_revocations_cannot_be_read(world, monkeypatch):
    token = world.login()
    world.validator.validate(token)

    def away():
        raise errors.Unavailable('The database cannot be reached.')

    monkeypatch.setattr(world.db, 'read', away)
    world.clock.advance(world.settings.revocation_timeout - 1)
    world.validator.validate(token)
    world.clock.advance(2)
    with pytest.raises(errors.Unavailable):
        world.validator.validate(token)
    monkeypatch.undo()
    world.validator.validate(token)


def test_the_thread_follows_revocations(world):
    token, validator = world.login(), world.another(revocation_interval=0.01)
    validator.start()
    try:
        user_id = validator.validate(token).user_id
        with world.db.write() as tx:
            users.set_password(tx, user_id, 'x')
        deadline = threading.Event()
        for _ in range(500):
            try:
                validator.validate(token)
            except errors.Unauthenticated:
                break
            deadline.wait(0.01)
        else:
            pytest.fail('The token was never refused.')
    finally:
        validator.stop()


def test_no_more_tokens_are_remembered_than_allowed(world):
    validator = world.another(cache_size=10)
    tokens = [world.login() for _ in range(25)]
    for token in tokens:
        validator.validate(token)
    assert len(validator._entries) <= 10
    assert set().union(*validator._index.values()) == set(validator._entries)
    assert validator.validate(tokens[0]).user_name == 'admin'


def test_what_refuses_no_living_token_is_pruned(world):
    with world.db.write() as tx:
        revocations.revoke(tx, 'audit', 'x')
    world.validator.poll()
    world.validator.prune()
    with world.db.read() as tx:
        assert revocations.since(tx, 0) != []
    # Rows are stamped by the machine, which may have taken a while since the clock stood still.
    world.clock.advance(world.settings.token_expiration + 3600 + 120)
    world.validator.prune()
    with world.db.read() as tx:
        assert {row.kind for row in revocations.since(tx, 0)} == {'audit'}  # it may still be shown by a service
    world.clock.advance(world.settings.allow_expired_window)
    world.validator.prune()
    with world.db.read() as tx:
        assert revocations.since(tx, 0) == []
    assert world.validator._before == {}


# OSSA-2014-007.
def test_two_users_never_see_each_other(world):
    with world.db.write() as tx:
        admin = tx.row(sa.select(User).where(User.name == 'admin'))
        hashed = admin.password_hash
        made = [users.create(tx, {'name': f'u{i}', 'domain_id': 'default'}, {}, hashed) for i in range(4)]
    tokens = []
    for user_id in made:
        user = {'id': user_id, 'password': 'secret'}
        tokens.append(world.authority.login({'methods': ['password'], 'password': {'user': user}}, 'unscoped')[0])
    wrong: list[str] = []

    def work(token, user_id):
        for _ in range(200):
            if world.validator.validate(token).user_id != user_id:
                wrong.append(user_id)

    pairs = [*zip(tokens, made, strict=True)] * 2
    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert wrong == []
