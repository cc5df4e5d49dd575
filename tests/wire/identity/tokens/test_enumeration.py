"""Whoever has no password learns nothing of a user: neither by what is answered nor by what is done for it.

Time is counted by its causes: hashes made, statements run, and questions put to a directory.
"""

import dataclasses
import datetime
from collections import Counter

import pytest
import sqlalchemy as sa

from nimbus.common.clock import Clock
from nimbus.identity.ldap import connections
from nimbus.identity.models import User
from nimbus.identity.settings.compliance import Compliance
from tests.wire.identity import slapd
from tests.wire.identity.directories import domain_of, listed

GENERIC = 'The request you have made requires authentication.'
RULES = {
    'no rules': Compliance(),
    'all rules': Compliance(
        lockout_failure_attempts=2,
        disable_user_account_days_inactive=2,
        password_expires_days=5,
        unique_last_password_count=3,
        minimum_password_age=1,
        change_password_upon_first_use=True,
    ),
}
KNOWN = ('known', 'disabled', 'locked', 'away', 'expired', 'passwordless', 'of a closed domain')
UNKNOWN = ('unknown', 'of an unknown domain')
BY_ID = ('known by id', 'unknown by id')


@pytest.fixture
def work(cloud):
    """What was done since it was last cleared."""
    done, issuer = [], cloud.parts.extra['identity']
    real = issuer.passwords.verify
    issuer.passwords.verify = lambda *told: (done.append('hash'), real(*told))[1]

    def look(_connection, _cursor, statement, *_rest):
        done.append(statement.split()[0])

    engines = {cloud.parts.db.writer, cloud.parts.db.reader}
    for engine in engines:
        sa.event.listen(engine, 'before_cursor_execute', look)
    yield done
    for engine in engines:
        sa.event.remove(engine, 'before_cursor_execute', look)


@pytest.fixture
def people(cloud):
    """How each kind of user is named in a login."""
    home = {'id': 'default'}
    closed = cloud.make('domain', name='closed')
    found = {'unknown': {'name': 'nobody', 'domain': home}, 'unknown by id': {'id': 'f' * 32}}
    found['known by id'] = {'id': cloud.make('user', name='x', password='pw')['id']}
    found['of an unknown domain'] = {'name': 'known', 'domain': {'id': 'e' * 32}}
    for kind in KNOWN:
        domain = closed['id'] if kind == 'of a closed domain' else 'default'
        secret = {} if kind == 'passwordless' else {'password': 'pw'}
        user = cloud.make('user', name=kind, domain_id=domain, **secret)
        found[kind] = {'name': kind, 'domain': {'id': domain}}
        with cloud.parts.db.write() as tx:
            if kind == 'away':
                tx.update(User, User.id == user['id'], last_active_at=datetime.date(2020, 1, 1))
            if kind == 'expired':
                tx.update(User, User.id == user['id'], password_expires_at=Clock().now())
        if kind == 'disabled':
            assert cloud('PATCH', f'/users/{user["id"]}', {'user': {'enabled': False}}).status == 200
    assert cloud('PATCH', f'/domains/{closed["id"]}', {'domain': {'enabled': False}}).status == 200
    return found


def login(cloud, user, password='wrong'):
    identity = {'methods': ['password'], 'password': {'user': {**user, 'password': password}}}
    return cloud('POST', '/auth/tokens', {'auth': {'identity': identity}}, '')


@pytest.mark.parametrize('rules', RULES)
def test_as_much_is_done_for_every_user_and_for_nobody(cloud, people, work, rules):
    issuer = cloud.parts.extra['identity']
    issuer.settings = dataclasses.replace(issuer.settings, compliance=RULES[rules])
    for _ in range(2):
        login(cloud, people['locked'])
        login(cloud, people['unknown'])
    seen, answers = {}, set()
    for kind in (*KNOWN, *UNKNOWN, *BY_ID):
        work.clear()
        answer = login(cloud, people[kind])
        seen[kind] = Counter(work)
        answers.add((answer.status, answer.json['error']['message'], len(answer.headers)))
    assert answers == {(401, GENERIC, *{count for _, _, count in answers})}
    assert {kind: done['hash'] for kind, done in seen.items()} == dict.fromkeys(seen, 1)
    by_name = [kind for kind in seen if kind not in BY_ID]
    for alike in (by_name, BY_ID):
        assert {kind: seen[kind] for kind in alike} == dict.fromkeys(alike, seen[alike[0]])


def test_who_may_not_come_in_learns_nothing_with_the_right_password_either(cloud, people):
    issuer = cloud.parts.extra['identity']
    issuer.settings = dataclasses.replace(issuer.settings, compliance=RULES['all rules'])
    for _ in range(2):
        login(cloud, people['locked'])
    for kind in ('disabled', 'locked', 'away', 'of a closed domain', 'passwordless'):
        answer = login(cloud, people[kind], 'pw')
        assert (answer.status, answer.json['error']['message']) == (401, GENERIC), kind


@pytest.fixture
def server(tmp_path):
    server = slapd.Slapd(tmp_path / 'slapd')
    server.user('ann', 'ann-pw')
    yield server
    server.stop()


@pytest.mark.skipif(slapd.why_not() is not None, reason=str(slapd.why_not()))
def test_a_directory_is_asked_as_much_about_everybody(cloud, server, work, monkeypatch):
    server.user('off', 'off-pw', employeeType='FALSE')
    domain = domain_of(cloud, server.url, user_enabled_attribute='employeeType')
    ids = {name: row['id'] for name, row in listed(cloud, 'users', domain).items()}
    for verb in ('ask', 'binds'):
        real = getattr(connections.Connections, verb)

        def counted(self, *told, real=real, verb=verb):
            work.append(verb)
            return real(self, *told)

        monkeypatch.setattr(connections.Connections, verb, counted)
    seen = []
    for user in (
        {'name': 'ann', 'domain': {'id': domain['id']}},
        {'name': 'off', 'domain': {'id': domain['id']}},
        {'name': 'nobody', 'domain': {'id': domain['id']}},
        {'name': '*', 'domain': {'id': domain['id']}},
    ):
        work.clear()
        assert login(cloud, user).status == 401
        seen.append(Counter(work))
    assert seen == [seen[0]] * 4 and (seen[0]['ask'], seen[0]['binds']) == (1, 1)
    work.clear()
    assert login(cloud, {'id': ids['off']}, 'off-pw').json['error']['message'] == GENERIC
    assert work.count('binds') == 1
