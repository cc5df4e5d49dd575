"""Revocation: how soon it is obeyed, by whom, and what it costs when there is much of it."""

import threading
import time

import pytest
import sqlalchemy as sa

from nimbus.common import errors
from nimbus.identity import revocations
from nimbus.identity.models import Revocation, RevocationCounter

MANY = 10_000
# How a database is asked what it would do, and what it says when it goes by the key.
HOW = {
    'sqlite': ('EXPLAIN QUERY PLAN', 'SEARCH revocations USING INTEGER PRIMARY KEY'),
    'mysql': ('EXPLAIN', ' range PRIMARY '),
    'mariadb': ('EXPLAIN', ' range PRIMARY '),
    'postgresql': ('EXPLAIN', 'Index Scan using revocations_pkey'),
}


def revoke_many(world, many=MANY, kind='audit'):
    now = world.clock.now()
    with world.db.write() as tx:
        first = revocations.newest(tx) + 1
        rows = [
            {'number': first + n, 'kind': kind, 'subject': f's{n}', 'before': now, 'created_at': now}
            for n in range(many)
        ]
        tx.execute(sa.insert(Revocation.__table__), rows)
        tx.update(RevocationCounter, RevocationCounter.id == 1, number=first + many - 1)


def refused(validator, token):
    try:
        validator.validate(token)
    except errors.Unauthenticated:
        return True
    return False


def test_what_is_revoked_is_refused_within_a_second_without_any_bus(world):
    # Two validators share nothing but the database: there is no bus in this world that could carry the news.
    token, other, looked = world.login(), world.another(), threading.Event()
    poll = other.poll
    other.poll = lambda: (poll(), looked.set())
    other.start()
    try:
        assert not refused(other, token)
        with world.db.write() as tx:
            revocations.revoke(tx, 'audit', world.validator.read(token).audit_ids[0])
        for _ in range(2):  # looks, half a second apart, of which the first may have begun before
            looked.clear()
            assert looked.wait(30)
        assert refused(other, token)
    finally:
        other.stop()


def test_a_token_that_was_revoked_does_not_come_back_beside_a_service(world):
    token = world.login()
    with world.db.write() as tx:
        revocations.revoke(tx, 'audit', world.validator.read(token).audit_ids[0])
    world.clock.advance(world.settings.token_expiration + 3600 + 120)
    world.validator.poll()
    world.validator.prune()
    user = {'name': 'nimbus', 'password': 'service', 'domain': {'id': 'default'}}
    scope = {'project': {'name': 'service', 'domain': {'id': 'default'}}}
    service, _ = world.authority.login({'methods': ['password'], 'password': {'user': user}}, scope)
    for validator in (world.validator, world.another()):
        with pytest.raises(errors.Unauthenticated):
            validator.validate(token, service_token=service)


def cost(validator, token, rounds=2000):
    began = time.thread_time()
    for _ in range(rounds):
        validator.validate(token, request_id='r')
    return (time.thread_time() - began) / rounds


def test_a_validation_costs_the_same_after_ten_thousand_revocations(world):
    token, statements = world.login(), []
    world.validator.validate(token)
    before = min(cost(world.validator, token) for _ in range(3))
    revoke_many(world)
    world.validator.poll()
    sa.event.listen(world.db.reader, 'before_cursor_execute', lambda *told: statements.append(told[2]))
    after = min(cost(world.validator, token) for _ in range(3))
    assert statements == []
    assert after < before * 3 + 20e-6


def test_news_are_read_by_number_and_only_what_is_new(world):
    revoke_many(world)
    world.validator.poll()
    with world.db.write() as tx:
        revocations.revoke(tx, 'audit', 'one more')
    with world.db.read() as tx:
        seen = world.validator._seen
        assert [row.subject for row in revocations.since(tx, seen)] == ['one more']
        explain, found = HOW[tx.dialect]
        plan = tx.rows(sa.text(f'{explain} SELECT * FROM revocations WHERE number > {seen} ORDER BY number LIMIT 9'))
    assert found in ' '.join(str(cell) for row in plan for cell in row)


def test_ten_thousand_revocations_take_little_memory_and_go_again(world):
    revoke_many(world)
    world.validator.poll()
    assert MANY <= len(world.validator._before) < MANY + 100
    world.clock.advance(world.settings.token_expiration + world.settings.allow_expired_window + 3600 + 120)
    world.validator.prune()
    assert world.validator._before == {}
    with world.db.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(Revocation)) == 0


def test_what_only_says_stale_is_not_read_by_who_starts(world):
    with world.db.write() as tx:
        for _ in range(50):
            revocations.refresh(tx, 'user', 'x')
        revocations.revoke(tx, 'audit', 'y')
    other = world.another()
    other.poll()
    assert list(other._before) == [('audit', 'y')]
    with world.db.read() as tx:
        assert other._seen == revocations.newest(tx)
