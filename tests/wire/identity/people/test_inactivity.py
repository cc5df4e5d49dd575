"""A user who has not logged in for long counts as disabled, where the cloud asks for that."""

import dataclasses
import datetime

import pytest
import sqlalchemy as sa

from nimbus.common.clock import Clock, FakeClock
from nimbus.identity.models import User
from nimbus.identity.settings.compliance import Compliance

DAY = 86400
GENERIC = 'The request you have made requires authentication.'


@pytest.fixture
def clock(cloud):
    """The clock of logins, in a cloud where three days away are too many."""
    issuer = cloud.parts.extra['identity']
    rules = Compliance(disable_user_account_days_inactive=3)
    issuer.settings = dataclasses.replace(issuer.settings, compliance=rules)
    cloud.parts.tokens._settings = issuer.settings
    issuer._clock = FakeClock(Clock().now())
    return issuer._clock


def last_active(cloud, user):
    with cloud.parts.db.read() as tx:
        return tx.scalar(sa.select(User.last_active_at).where(User.id == user['id']))


def writes(cloud):
    """The list into which every statement that changes a user is put from now on."""
    seen = []

    def look(_conn, _cursor, statement, *_rest):
        if statement.startswith('UPDATE users'):
            seen.append(statement)

    sa.event.listen(cloud.parts.db.writer, 'before_cursor_execute', look)
    return seen


def test_who_stays_away_too_long_counts_as_disabled(cloud, member, clock):
    user = f'/users/{member["user"]["id"]}'
    clock.advance(2 * DAY)
    assert cloud('GET', user).json['user']['enabled'] is True
    assert cloud.login('bob', 'pw').status == 201
    clock.advance(3 * DAY)
    assert cloud('GET', user).json['user']['enabled'] is False
    assert {row['name']: row['enabled'] for row in cloud('GET', '/users?name=bob').json['users']} == {'bob': False}
    answer = cloud.login('bob', 'pw')
    assert (answer.status, answer.json['error']['message']) == (401, GENERIC)
    assert cloud.login('bob', 'wrong').data == answer.data
    assert last_active(cloud, member['user']) == (clock.now() - datetime.timedelta(days=3)).date()


def test_being_enabled_again_resets_it(cloud, member, clock):
    user = f'/users/{member["user"]["id"]}'
    with cloud.parts.db.write() as tx:
        tx.update(User, User.id == member['user']['id'], last_active_at=datetime.date(2020, 1, 1))
    assert cloud.login('bob', 'pw').status == 401
    shown = cloud('PATCH', user, {'user': {'enabled': True}}).json['user']
    assert shown['enabled'] is True
    assert cloud.login('bob', 'pw').status == 201


def test_another_change_does_not_wake_who_stayed_away(cloud, member, clock):
    user = f'/users/{member["user"]["id"]}'
    with cloud.parts.db.write() as tx:
        tx.update(User, User.id == member['user']['id'], last_active_at=datetime.date(2020, 1, 1))
    options = {'options': {'ignore_user_inactivity': True}}
    for change in ({'email': 'bob@example.org'}, {'password': 'new'}, options):
        assert cloud('PATCH', user, {'user': change}).json['user']['enabled'] is False
    assert cloud.login('bob', 'new').status == 401


def test_an_exempt_user_may_stay_away(cloud, clock):
    options = {'options': {'ignore_user_inactivity': True}}
    user = cloud.make('user', name='svc', password='pw', **options)
    clock.advance(900 * DAY)
    assert cloud('GET', f'/users/{user["id"]}').json['user']['enabled'] is True
    assert cloud.login('svc', 'pw').status == 201


def test_who_never_logged_in_is_counted_from_the_first_day(cloud, member, clock):
    with cloud.parts.db.write() as tx:
        tx.update(User, User.id == member['user']['id'], last_active_at=None)
    clock.advance(2 * DAY)
    assert cloud('GET', f'/users/{member["user"]["id"]}').json['user']['enabled'] is True
    clock.advance(DAY)
    assert cloud('GET', f'/users/{member["user"]["id"]}').json['user']['enabled'] is False


def test_the_day_is_written_once_a_day_and_never_by_a_failure(cloud, member, clock):
    clock.advance(DAY)
    seen = writes(cloud)
    assert cloud.login('bob', 'wrong').status == 401 and cloud.login('nobody', 'pw').status == 401
    assert seen == []
    for _ in range(3):
        assert cloud.login('bob', 'pw').status == 201
    assert len(seen) == 1
    assert last_active(cloud, member['user']) == clock.now().date()


def test_the_day_is_known_before_anybody_asks_for_it(cloud, member):
    assert last_active(cloud, member['user']) == Clock().now().date()


def test_changing_a_password_is_being_active(cloud, member, clock):
    clock.advance(2 * DAY)
    body = {'user': {'original_password': 'pw', 'password': 'new'}}
    assert cloud('POST', f'/users/{member["user"]["id"]}/password', body, '').status == 204
    assert last_active(cloud, member['user']) == clock.now().date()
    clock.advance(3 * DAY)
    body = {'user': {'original_password': 'new', 'password': 'newer'}}
    assert cloud('POST', f'/users/{member["user"]["id"]}/password', body, '').status == 401


def test_neither_tokens_nor_trusts_nor_credentials_of_who_stayed_away_count(cloud, member, clock):
    path = f'/users/{member["user"]["id"]}/application_credentials'
    made = cloud('POST', path, {'application_credential': {'name': 'ac'}}, member['token']).json
    told = {name: made['application_credential'][name] for name in ('id', 'secret')}
    by_credential = {'identity': {'methods': ['application_credential'], 'application_credential': told}}
    carol = cloud.make('user', name='carol', password='pw')
    trust = {
        'trustor_user_id': member['user']['id'],
        'trustee_user_id': carol['id'],
        'project_id': member['project']['id'],
        'impersonation': False,
        'roles': [{'name': 'member'}],
    }
    lent = cloud('POST', '/OS-TRUST/trusts', {'trust': trust}, member['token']).json['trust']
    with cloud.parts.db.write() as tx:
        tx.update(User, User.id == member['user']['id'], last_active_at=datetime.date(2020, 1, 1))
    assert cloud('POST', '/auth/tokens', {'auth': by_credential}, '').status == 401
    assert cloud.login('carol', 'pw', {'OS-TRUST:trust': {'id': lent['id']}}).status == 403
    fresh = type(cloud.parts.tokens)(cloud.parts.db, cloud.parts.tokens._settings.key_repository)
    assert fresh.entry(member['token']).subject.user_id == member['user']['id']
    fresh._settings, fresh._entries = cloud.parts.tokens._settings, {}
    with pytest.raises(Exception, match='requires authentication'):
        fresh.entry(member['token'])


def test_tokens_of_before_are_refused_when_the_user_is_enabled_again(cloud, member, clock):
    with cloud.parts.db.write() as tx:
        tx.update(User, User.id == member['user']['id'], last_active_at=datetime.date(2020, 1, 1))
    assert cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': True}}).status == 200
    assert cloud('GET', '/auth/projects', token=member['token']).status == 401


def test_without_the_setting_nobody_is_away(cloud, member):
    with cloud.parts.db.write() as tx:
        tx.update(User, User.id == member['user']['id'], last_active_at=datetime.date(2020, 1, 1))
    assert cloud.login('bob', 'pw').status == 201
