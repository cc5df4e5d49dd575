"""What a cloud may ask of passwords, as a client meets it."""

import dataclasses
import threading

import pytest
import sqlalchemy as sa

from nimbus.common.clock import Clock, FakeClock
from nimbus.identity.models import LoginFailure, PastPassword, User
from nimbus.identity.settings.compliance import Compliance

DAY = 86400
GENERIC = 'The request you have made requires authentication.'


@pytest.fixture
def ask(cloud):
    """Sets what is asked of passwords; returns the clock of logins."""

    def set_rules(**rules):
        issuer = cloud.parts.extra['identity']
        issuer.settings = dataclasses.replace(issuer.settings, compliance=Compliance(**rules))
        issuer._clock = FakeClock(Clock().now())
        return issuer._clock

    return set_rules


def change(cloud, user, old, new):
    body = {'user': {'original_password': old, 'password': new}}
    return cloud('POST', f'/users/{user["id"]}/password', body, '')


def sentence(answer):
    return answer.json['error']['message']


# lockout


def test_too_many_wrong_passwords_lock_an_account_for_a_while(cloud, member, ask):
    clock = ask(lockout_failure_attempts=3, lockout_duration=60)
    for _ in range(3):
        assert cloud.login('bob', 'wrong').status == 401
    locked = cloud.login('bob', 'pw')
    assert (locked.status, sentence(locked)) == (401, GENERIC)
    clock.advance(59)
    assert cloud.login('bob', 'pw').status == 401
    clock.advance(1)
    assert cloud.login('bob', 'pw').status == 201


# OSSA-2021-003.
def test_a_lock_does_not_say_that_the_user_is_there(cloud, member, ask):
    ask(lockout_failure_attempts=1)
    cloud.login('bob', 'wrong')
    answers = [cloud.login(name, password) for name in ('bob', 'nobody') for password in ('wrong', 'pw')]
    assert len({(answer.status, answer.data) for answer in answers}) == 1


def test_a_lock_that_ended_counts_from_the_beginning(cloud, member, ask):
    clock = ask(lockout_failure_attempts=2, lockout_duration=60)
    for _ in range(2):
        cloud.login('bob', 'wrong')
    clock.advance(60)
    cloud.login('bob', 'wrong')
    assert cloud.login('bob', 'pw').status == 201


def test_a_right_password_forgives_earlier_wrong_ones(cloud, member, ask):
    ask(lockout_failure_attempts=2)
    for _ in range(3):
        cloud.login('bob', 'wrong')
        assert cloud.login('bob', 'pw').status == (201)
    with cloud.parts.db.read() as tx:
        assert tx.row(sa.select(LoginFailure)) is None


def test_an_administrator_opens_a_lock_by_enabling_the_user(cloud, member, ask):
    ask(lockout_failure_attempts=1)
    cloud.login('bob', 'wrong')
    assert cloud.login('bob', 'pw').status == 401
    assert cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': True}}).status == 200
    assert cloud.login('bob', 'pw').status == 201


def test_a_user_may_be_exempt_from_locks(cloud, member, ask):
    ask(lockout_failure_attempts=1)
    options = {'options': {'ignore_lockout_failure_attempts': True}}
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': options})
    for _ in range(3):
        cloud.login('bob', 'wrong')
    assert cloud.login('bob', 'pw').status == 201


def test_a_wrong_old_password_counts_too(cloud, member, ask):
    ask(lockout_failure_attempts=1)
    assert change(cloud, member['user'], 'wrong', 'new').status == 401
    assert change(cloud, member['user'], 'pw', 'new').status == 401
    assert cloud.login('bob', 'pw').status == 401


def test_failures_of_unknown_users_leave_one_row(cloud, ask):
    ask(lockout_failure_attempts=2)
    for number in range(5):
        assert cloud.login(f'nobody{number}', 'x').status == 401
    with cloud.parts.db.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(LoginFailure)) == 1


def test_guesses_made_at_once_are_no_more_than_are_allowed(cloud, member, ask):
    ask(lockout_failure_attempts=3)
    threads = [threading.Thread(target=cloud.login, args=('bob', f'guess{n}')) for n in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert cloud.login('bob', 'pw').status == 401
    with cloud.parts.db.read() as tx:
        assert tx.scalar(sa.select(LoginFailure.failures)) >= 3


def test_without_the_setting_nothing_is_written_down(cloud, member):
    for _ in range(10):
        cloud.login('bob', 'wrong')
    assert cloud.login('bob', 'pw').status == 201
    with cloud.parts.db.read() as tx:
        assert tx.row(sa.select(LoginFailure)) is None


# expiry and first use


def test_a_password_ends_after_its_days_and_can_then_only_be_changed(cloud, ask):
    clock = ask(password_expires_days=2)
    user = cloud.make('user', name='eve', password='one')
    assert user['password_expires_at'].endswith('.000000')
    assert cloud.login('eve', 'one').status == 201
    clock.advance(2 * DAY)
    answer = cloud.login('eve', 'one')
    said = f'The password is expired and needs to be changed for user: {user["id"]}.'
    assert (answer.status, sentence(answer)) == (401, said)
    assert sentence(cloud.login('eve', 'wrong')) == GENERIC
    assert change(cloud, user, 'one', 'two').status == 204


def test_an_exempt_user_keeps_the_password(cloud, ask):
    clock = ask(password_expires_days=2)
    free = cloud.make('user', name='free', password='one', options={'ignore_password_expiry': True})
    later = cloud.make('user', name='later', password='one')
    assert free['password_expires_at'] is None
    cloud('PATCH', f'/users/{later["id"]}', {'user': {'options': {'ignore_password_expiry': True}}})
    clock.advance(9 * DAY)
    assert [cloud.login(name, 'one').status for name in ('free', 'later')] == [201, 201]


def test_a_password_of_before_the_setting_does_not_end(cloud, member, ask):
    clock = ask(password_expires_days=1)
    clock.advance(9 * DAY)
    assert cloud.login('bob', 'pw').status == 201


def test_a_first_password_only_serves_to_choose_another(cloud, ask):
    clock = ask(change_password_upon_first_use=True)
    user = cloud.make('user', name='eve', password='one')
    clock.advance(60)  # the end is told by the machine's own time
    assert cloud.login('eve', 'one').status == 401
    assert change(cloud, user, 'one', 'two').status == 204
    assert cloud.login('eve', 'two').status == 201
    cloud('PATCH', f'/users/{user["id"]}', {'user': {'password': 'reset'}})
    clock.advance(60)
    assert cloud.login('eve', 'reset').status == 401


def test_a_service_user_need_not_choose_another(cloud, ask):
    ask(change_password_upon_first_use=True)
    cloud.make('user', name='svc', password='one', options={'ignore_change_password_upon_first_use': True})
    assert cloud.login('svc', 'one').status == 201


def test_a_changed_password_does_not_inherit_the_end_of_the_old_one(cloud, member, ask):
    with cloud.parts.db.write() as tx:
        tx.update(User, User.id == member['user']['id'], password_expires_at=Clock().now())
    assert cloud.login('bob', 'pw').status == 401
    assert change(cloud, member['user'], 'pw', 'new').status == 204
    assert cloud('GET', f'/users/{member["user"]["id"]}').json['user']['password_expires_at'] is None


# strength


STRONG = {'password_regex': r'^(?=.*\d).{3,}$', 'password_regex_description': 'three characters, one a digit'}


def test_a_weak_password_is_refused_and_told_why(cloud, member, ask):
    ask(**STRONG)
    user = f'/users/{member["user"]["id"]}'
    weak = [
        cloud('POST', '/users', {'user': {'name': 'eve', 'password': 'abc'}}),
        cloud('PATCH', user, {'user': {'password': 'abc'}}),
        change(cloud, member['user'], 'pw', 'abc'),
    ]
    said = 'The password does not match the requirements: three characters, one a digit.'
    assert [(answer.status, sentence(answer)) for answer in weak] == [(400, said)] * 3
    assert cloud.login('bob', 'pw').status == 201  # one of before the setting still lets in
    assert change(cloud, member['user'], 'pw', 'abc1').status == 204


def test_a_setting_that_is_no_expression_lets_no_password_through(cloud, ask):
    ask(password_regex='(')
    answer = cloud('POST', '/users', {'user': {'name': 'eve', 'password': 'abc'}})
    assert (answer.status, sentence(answer)) == (
        400,
        'Password validation error: Unable to validate password due to invalid configuration.',
    )


# history


def test_a_password_does_not_come_again_too_soon(cloud, ask):
    ask(unique_last_password_count=2)
    user = cloud.make('user', name='eve', password='one')
    same = change(cloud, user, 'one', 'one')
    assert same.status == 400
    assert sentence(same) == (
        'The new password cannot be identical to a previous password. The total number which includes the new '
        'password must be unique is 2.'
    )
    assert change(cloud, user, 'one', 'two').status == 204
    assert change(cloud, user, 'two', 'one').status == 400
    assert change(cloud, user, 'two', 'three').status == 204
    assert change(cloud, user, 'three', 'one').status == 204
    with cloud.parts.db.read() as tx:
        kept = sa.select(sa.func.count()).select_from(PastPassword).where(PastPassword.user_id == user['id'])
        assert tx.scalar(kept) == 2


def test_a_password_of_before_the_setting_counts(cloud, member, ask):
    ask(unique_last_password_count=3)
    assert change(cloud, member['user'], 'pw', 'pw').status == 400


def test_an_administrator_may_set_an_old_password(cloud, ask):
    ask(unique_last_password_count=5)
    user = cloud.make('user', name='eve', password='one')
    assert cloud('PATCH', f'/users/{user["id"]}', {'user': {'password': 'one'}}).status == 200


def test_nothing_of_a_user_is_left(cloud, ask):
    ask(unique_last_password_count=5, lockout_failure_attempts=5)
    user = cloud.make('user', name='eve', password='one')
    cloud.login('eve', 'wrong')
    assert cloud('DELETE', f'/users/{user["id"]}').status == 204
    with cloud.parts.db.read() as tx:
        assert [tx.row(sa.select(table)) for table in (PastPassword, LoginFailure)] == [None, None]


# minimum age


def test_a_chosen_password_must_be_used_for_some_days(cloud, member, ask):
    clock = ask(minimum_password_age=2)
    assert change(cloud, member['user'], 'pw', 'one').status == 204  # an administrator had set the first
    clock.advance(60)
    early = change(cloud, member['user'], 'one', 'two')
    assert early.status == 400
    assert sentence(early) == (
        'You cannot change your password at this time due to the minimum password age. Once you change your password, '
        'it must be used for 2 day(s) before it can be changed. Please try again in 1 day(s) or contact your '
        'administrator to reset your password.'
    )
    clock.advance(2 * DAY)
    assert change(cloud, member['user'], 'one', 'two').status == 204


def test_an_administrator_resets_a_young_password(cloud, member, ask):
    ask(minimum_password_age=2)
    change(cloud, member['user'], 'pw', 'one')
    path = f'/users/{member["user"]["id"]}'
    assert cloud('PATCH', path, {'user': {'password': 'reset'}}).status == 200
    assert change(cloud, member['user'], 'reset', 'two').status == 204


# and the rest


def test_a_locked_password_is_not_its_users_to_change(cloud, member):
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'options': {'lock_password': True}}})
    answer = change(cloud, member['user'], 'pw', 'new')
    assert answer.status == 400 and 'password policy disallowing password changes' in sentence(answer)
    assert cloud.login('bob', 'pw').status == 201


def test_a_disabled_user_changes_nothing(cloud, member):
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'enabled': False}})
    assert change(cloud, member['user'], 'pw', 'new').status == 401


def test_too_long_a_password_is_refused(cloud):
    answer = cloud('POST', '/users', {'user': {'name': 'eve', 'password': 'x' * 4097}})
    assert answer.status == 403 and '4096' in sentence(answer)


def test_a_password_can_be_taken_away(cloud, member):
    path = f'/users/{member["user"]["id"]}'
    assert cloud('PATCH', path, {'user': {'password': None}}).json['user']['password_expires_at'] is None
    assert cloud.login('bob', 'pw').status == cloud.login('bob', '').status == 401
    assert cloud('GET', '/auth/projects', token=member['token']).status == 200
    assert cloud('PATCH', path, {'user': {'password': 'new'}}).status == 200
    assert cloud.login('bob', 'new').status == 201


def test_of_several_reasons_the_password_itself_is_told_first(cloud, member, ask):
    ask(**STRONG, minimum_password_age=2, unique_last_password_count=5)
    path = f'/users/{member["user"]["id"]}'
    assert change(cloud, member['user'], 'pw', 'one1').status == 204
    assert 'requirements' in sentence(change(cloud, member['user'], 'one1', 'x'))
    assert 'minimum password age' in sentence(change(cloud, member['user'], 'one1', 'one1'))
    cloud('PATCH', path, {'user': {'options': {'lock_password': True}}})
    assert 'requirements' in sentence(change(cloud, member['user'], 'one1', 'x'))
    assert 'disallowing password changes' in sentence(change(cloud, member['user'], 'one1', 'one1'))
    ask(unique_last_password_count=5)
    cloud('PATCH', path, {'user': {'options': {'lock_password': None}}})
    assert 'identical to a previous password' in sentence(change(cloud, member['user'], 'one1', 'one1'))
    assert sentence(change(cloud, member['user'], 'wrong', 'one1')) == GENERIC
