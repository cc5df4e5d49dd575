"""What makes a token worthless, each way once."""

import threading

import pytest

from nimbus.common import errors
from nimbus.identity.tokens.tokens import Validator


def works(cloud, token):
    return cloud('GET', '/auth/projects', token=token).status == 200


def user(member):
    return f'/users/{member["user"]["id"]}'


WAYS = {
    'its user logs out': lambda cloud, m: cloud('DELETE', '/auth/tokens', token=m['token'], x_subject_token=m['token']),
    'the user is disabled': lambda cloud, m: cloud('PATCH', user(m), {'user': {'enabled': False}}),
    'the user is deleted': lambda cloud, m: cloud('DELETE', user(m)),
    'the password is reset': lambda cloud, m: cloud('PATCH', user(m), {'user': {'password': 'other'}}),
    'the password is changed': lambda cloud, m: cloud(
        'POST', user(m) + '/password', {'user': {'original_password': 'pw', 'password': 'other'}}, ''
    ),
    'the project is disabled': lambda cloud, m: cloud(
        'PATCH', f'/projects/{m["project"]["id"]}', {'project': {'enabled': False}}
    ),
    'the project is deleted': lambda cloud, m: cloud('DELETE', f'/projects/{m["project"]["id"]}'),
    'the role is taken back': lambda cloud, m: cloud('DELETE', m['grant']),
    'the domain is disabled': lambda cloud, m: cloud('PATCH', '/domains/default', {'domain': {'enabled': False}}),
}


# OSSA-2013-011.
@pytest.mark.parametrize('way', WAYS, ids=str)
def test_a_token_is_refused_when(cloud, member, way):
    assert works(cloud, member['token'])
    assert WAYS[way](cloud, member).status in (200, 204)
    assert not works(cloud, member['token'])


# OSSA-2013-011 and OSSA-2014-026.
@pytest.mark.parametrize('way', WAYS, ids=str)
def test_another_process_refuses_the_token_within_a_second_when(cloud, member, way):
    # It shares nothing with the one that serves the request but the database, as with a broker that is down.
    ours = cloud.parts.tokens
    assert ours._settings.revocation_interval <= 0.5
    other, looked = Validator(cloud.parts.db, ours._settings.key_repository, ours._settings), threading.Event()
    poll = other.poll
    other.poll = lambda: (poll(), looked.set())
    other.start()
    try:
        assert other.validate(member['token']).user_id == member['user']['id']
        assert WAYS[way](cloud, member).status in (200, 204)
        for _ in range(2):  # looks, of which the first may have begun before
            looked.clear()
            assert looked.wait(30)
        assert not knows(other, member['token'])
    finally:
        other.stop()


def knows(validator, token):
    try:
        return bool(validator.validate(token))
    except errors.Unauthenticated:
        return False


def test_a_token_from_before_stays_refused_when_its_user_is_enabled_again(cloud, member):
    for enabled in (False, True):
        cloud('PATCH', user(member), {'user': {'enabled': enabled}})
    assert not works(cloud, member['token'])
    assert works(cloud, cloud.token_of('bob', 'pw', member['scope']))


def test_a_new_role_shows_in_a_token_that_was_there_before(cloud, member):
    names = lambda: [  # noqa: E731
        role['name'] for role in cloud('GET', '/auth/tokens', x_subject_token=member['token']).json['token']['roles']
    ]
    assert names() == ['member', 'reader']
    cloud.put_in(member['user'], member['project'], 'manager')
    assert names() == ['manager', 'member', 'reader']


def test_a_group_gives_its_roles_only_while_one_is_in_it(cloud, member):
    group = cloud.make('group', name='crew')
    path = f'/groups/{group["id"]}/users/{member["user"]["id"]}'
    cloud('PUT', f'/projects/{member["project"]["id"]}/groups/{group["id"]}/roles/{cloud.role("manager")}')
    cloud('DELETE', member['grant'])
    assert not works(cloud, member['token'])
    assert cloud('PUT', path).status == 204
    assert works(cloud, member['token'])
    assert cloud('DELETE', path).status == 204
    assert not works(cloud, member['token'])


def test_a_wrong_old_password_changes_nothing(cloud, member):
    body = {'user': {'original_password': 'wrong', 'password': 'other'}}
    assert cloud('POST', user(member) + '/password', body, '').status == 401
    assert cloud('POST', f'/users/{"f" * 32}/password', body, '').status == 401
    assert works(cloud, member['token'])


def test_a_user_ends_every_token_of_before(cloud, member):
    """What is left to whoever cannot change the password: a directory's user, say."""
    path, second = f'/users/{member["user"]["id"]}/tokens', cloud.token_of('bob', 'pw')
    eve = cloud.make('user', name='eve', password='pw')
    assert cloud('DELETE', path, token=cloud.token_of('eve', 'pw')).status == 403
    assert cloud('DELETE', f'/users/{eve["id"]}/tokens', token=second).status == 403
    assert cloud('DELETE', path, token=second).status == 204
    for token in (second, member['token']):
        assert cloud('GET', '/auth/projects', token=token).status == 401
    assert cloud('GET', '/auth/projects', token=cloud.token_of('bob', 'pw')).status == 200
    assert cloud('DELETE', path).status == 204
    assert cloud('DELETE', f'/users/{"f" * 32}/tokens').status == 404
    assert cloud('GET', path).status == 405
