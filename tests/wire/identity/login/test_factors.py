"""A login in several steps: rules, receipts and one-time passcodes."""

import base64
import concurrent.futures
import dataclasses
import datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.twofactor import totp

from nimbus.common import errors
from nimbus.common.clock import Clock, FakeClock
from nimbus.identity.login import factors
from nimbus.identity.login.auth import Authority
from nimbus.identity.settings.compliance import Compliance
from nimbus.identity.tokens import receipts
from nimbus.identity.tokens.payload import EPOCH

SEED = base64.b32encode(b'twenty bytes of seed').decode().rstrip('=')
RULE = [['password', 'totp']]


def shown(seed, moment):
    key = base64.b32decode(seed + '=' * (-len(seed) % 8))
    return totp.TOTP(key, 6, hashes.SHA1(), 30).generate(int((moment - EPOCH).total_seconds())).decode()


@pytest.fixture
def seeds():
    """The seeds of each user."""
    return {}


@pytest.fixture
def clock(cloud, seeds):
    """The clock of logins, of an authority that knows the seeds."""
    old = cloud.parts.extra['identity']
    clock = FakeClock(Clock().now())
    made = Authority(cloud.parts.db, cloud.parts.tokens, old.settings, clock, seeds=lambda _, user: seeds.get(user, []))
    old.close()
    cloud.parts.extra['identity'] = made
    yield clock
    made.close()


@pytest.fixture
def careful(cloud, member, clock, seeds):
    """Bob, who must show password and passcode; the id."""
    user_id = member['user']['id']
    options = {'multi_factor_auth_enabled': True, 'multi_factor_auth_rules': RULE}
    assert cloud('PATCH', f'/users/{user_id}', {'user': {'options': options}}).status == 200
    seeds[user_id] = [SEED]
    return user_id


def password(user_id, secret='pw'):
    return {'password': {'user': {'id': user_id, 'password': secret}}}


def passcode(user_id, clock, seed=SEED):
    return {'totp': {'user': {'id': user_id, 'passcode': shown(seed, clock.now())}}}


def log_in(cloud, *steps, receipt=None, scope=None):
    identity = {'methods': [name for step in steps for name in step]}
    for step in steps:
        identity |= step
    headers = {'openstack_auth_receipt': receipt} if receipt else {}
    auth = {'identity': identity} | ({'scope': scope} if scope else {})
    return cloud('POST', '/auth/tokens', {'auth': auth}, '', **headers)


def test_a_passcode_alone_lets_in_who_has_no_rules(cloud, member, clock, seeds):
    seeds[member['user']['id']] = [SEED]
    answer = log_in(cloud, passcode(member['user']['id'], clock), scope=member['scope'])
    assert answer.status == 201 and answer.json['token']['methods'] == ['totp']


def test_both_at_once(cloud, careful, clock, member):
    answer = log_in(cloud, password(careful), passcode(careful, clock), scope=member['scope'])
    assert answer.status == 201 and sorted(answer.json['token']['methods']) == ['password', 'totp']


def test_one_after_the_other_by_a_receipt(cloud, careful, clock, member):
    first = log_in(cloud, password(careful))
    assert first.status == 401
    body = first.json
    assert body['required_auth_methods'] == RULE
    assert body['receipt']['methods'] == ['password']
    assert body['receipt']['user'] == {
        'id': careful,
        'name': 'bob',
        'domain': {'id': 'default', 'name': 'Default'},
    }
    moments = [datetime.datetime.fromisoformat(body['receipt'][name]) for name in ('issued_at', 'expires_at')]
    assert (moments[1] - moments[0]).total_seconds() == 300
    receipt = first.headers['Openstack-Auth-Receipt']
    second = log_in(cloud, passcode(careful, clock), receipt=receipt, scope=member['scope'])
    assert second.status == 201
    assert sorted(second.json['token']['methods']) == ['password', 'totp']
    assert cloud('GET', '/auth/projects', token=second.headers['X-Subject-Token']).status == 200


def test_a_token_of_both_is_rescoped_without_another_passcode(cloud, careful, clock, member):
    token = log_in(cloud, password(careful), passcode(careful, clock)).headers['X-Subject-Token']
    assert log_in(cloud, {'token': {'id': token}}, scope=member['scope']).status == 201


def test_a_token_of_before_the_rules_is_not_enough(cloud, member, clock, seeds):
    before = member['token']
    options = {'multi_factor_auth_rules': RULE}
    cloud('PATCH', f'/users/{member["user"]["id"]}', {'user': {'options': options}})
    answer = log_in(cloud, {'token': {'id': before}}, scope=member['scope'])
    assert answer.status == 401 and answer.json['required_auth_methods'] == RULE


def test_the_wrong_second_step_lets_nobody_in(cloud, careful, clock):
    receipt = log_in(cloud, password(careful)).headers['Openstack-Auth-Receipt']
    wrong = {'totp': {'user': {'id': careful, 'passcode': '000000'}}}
    for answer in (log_in(cloud, wrong, receipt=receipt), log_in(cloud, password(careful), receipt=receipt)):
        assert answer.status == 401 and 'X-Subject-Token' not in answer.headers
    assert 'Openstack-Auth-Receipt' not in log_in(cloud, wrong, receipt=receipt).headers


def test_a_wrong_password_earns_no_receipt(cloud, careful, clock):
    answer = log_in(cloud, password(careful, 'wrong'))
    assert answer.status == 401 and 'Openstack-Auth-Receipt' not in answer.headers


def test_a_receipt_ends(cloud, careful, clock):
    receipt = log_in(cloud, password(careful)).headers['Openstack-Auth-Receipt']
    clock.advance(299)
    assert log_in(cloud, passcode(careful, clock), receipt=receipt).status == 201
    clock.advance(1)
    assert log_in(cloud, passcode(careful, clock), receipt=receipt).status == 401


def test_a_receipt_serves_its_own_user_alone(cloud, careful, clock, seeds):
    other = cloud.make('user', name='eve', password='pw')['id']
    seeds[other] = [SEED]
    receipt = log_in(cloud, password(careful)).headers['Openstack-Auth-Receipt']
    assert log_in(cloud, passcode(other, clock), receipt=receipt).status == 401


def test_a_receipt_is_no_token_and_a_token_no_receipt(cloud, careful, clock):
    receipt = log_in(cloud, password(careful)).headers['Openstack-Auth-Receipt']
    assert cloud('GET', '/auth/projects', token=receipt).status == 401
    for forged in (cloud.token, receipt[:-4] + 'AAAA', 'x', 'é', 'A' * 5000):
        assert log_in(cloud, passcode(careful, clock), receipt=forged).status == 401


def test_a_disabled_user_gets_no_receipt(cloud, careful, clock):
    cloud('PATCH', f'/users/{careful}', {'user': {'enabled': False}})
    answer = log_in(cloud, password(careful))
    assert answer.status == 401 and 'Openstack-Auth-Receipt' not in answer.headers


def test_rules_can_be_switched_off(cloud, careful, clock):
    options = {'options': {'multi_factor_auth_enabled': False}}
    cloud('PATCH', f'/users/{careful}', {'user': options})
    assert log_in(cloud, password(careful)).status == 201


def test_an_application_credential_must_fulfil_the_rules_too(cloud, careful, clock, member):
    token = log_in(cloud, password(careful), passcode(careful, clock), scope=member['scope'])
    made = cloud(
        'POST',
        f'/users/{careful}/application_credentials',
        {'application_credential': {'name': 'x', 'secret': 's'}},
        token.headers['X-Subject-Token'],
    ).json['application_credential']
    step = {'application_credential': {'id': made['id'], 'secret': 's'}}
    assert log_in(cloud, step).status == 401
    options = {'options': {'multi_factor_auth_rules': [*RULE, ['application_credential']]}}
    cloud('PATCH', f'/users/{careful}', {'user': options})
    assert log_in(cloud, step).status == 201


def test_wrong_passcodes_lock_like_wrong_passwords(cloud, careful, clock):
    issuer = cloud.parts.extra['identity']
    issuer.settings = dataclasses.replace(issuer.settings, compliance=Compliance(lockout_failure_attempts=2))
    wrong = {'totp': {'user': {'id': careful, 'passcode': '000000'}}}
    for _ in range(2):
        log_in(cloud, password(careful), wrong)
    assert log_in(cloud, password(careful), passcode(careful, clock)).status == 401


@pytest.mark.parametrize(
    ('step', 'status'),
    [({'totp': {}}, 400), ({'totp': {'user': {'id': 'x'}}}, 401), ({'totp': {'user': {'passcode': '1'}}}, 400)],
)
def test_a_passcode_without_its_parts_is_refused(cloud, clock, step, status):
    assert log_in(cloud, step).status == status


def test_a_seed_is_a_credential_of_the_user(cloud, member):
    user_id = member['user']['id']
    assert log_in(cloud, passcode(user_id, Clock())).status == 401
    assert (
        cloud('POST', '/credentials', {'credential': {'type': 'totp', 'blob': SEED, 'user_id': user_id}}).status == 201
    )
    assert log_in(cloud, passcode(user_id, Clock()), scope=member['scope']).status == 201


@pytest.mark.parametrize(
    'late, good', [(0, True), (29, True), (30, True), (59, True), (60, False), (-30, False)], ids=str
)
def test_a_passcode_lasts_for_its_window_and_the_next(late, good):
    moment = datetime.datetime(2030, 1, 1)
    told = shown(SEED, moment)
    window = factors.window_of(told, [SEED], moment + datetime.timedelta(seconds=late))
    assert window == (int((moment - EPOCH).total_seconds()) // 30 if good else None)


@pytest.mark.parametrize('seed', ['', 'A', '!!!!', 'not base32', 'ABCD'])
def test_what_is_no_seed_shows_nothing(seed):
    moment = datetime.datetime(2030, 1, 1)
    assert factors.window_of('000000', [seed], moment) is None
    assert factors.window_of(shown(SEED, moment), [seed, SEED], moment)


def test_a_user_without_a_seed_has_no_passcode():
    moment = datetime.datetime(2030, 1, 1)
    assert factors.window_of(shown(factors.NO_SEED, moment), [], moment) is None


def test_a_rule_of_methods_that_there_are_not_shuts_nobody_out():
    known = ('password', 'totp')
    rules = factors.rules_of({'multi_factor_auth_rules': [['kerberos'], ['password', 'saml2']]}, known)
    assert rules == [['password']]
    assert factors.suffice(['totp'], factors.rules_of({'multi_factor_auth_rules': [['kerberos']]}, known))


def test_a_receipt_is_encrypted(cloud, careful, clock):
    receipt = log_in(cloud, password(careful)).headers['Openstack-Auth-Receipt']
    assert careful not in receipt and len(receipt) < receipts.MAX_LENGTH


# a passcode serves once


def test_a_passcode_serves_once(cloud, member, clock, seeds):
    user_id = member['user']['id']
    seeds[user_id] = [SEED]
    step = passcode(user_id, clock)
    assert log_in(cloud, step).status == 201
    again = log_in(cloud, step)
    assert (again.status, again.json['error']['message']) == (
        401,
        'The request you have made requires authentication.',
    )
    clock.advance(30)
    assert log_in(cloud, step).status == 401
    assert log_in(cloud, passcode(user_id, clock)).status == 201


def test_an_older_passcode_is_over_when_a_newer_one_was_used(cloud, member, clock, seeds):
    user_id = member['user']['id']
    seeds[user_id] = [SEED]
    older = passcode(user_id, clock)
    clock.advance(30)
    assert log_in(cloud, passcode(user_id, clock)).status == 201
    assert log_in(cloud, older).status == 401


def test_of_many_logins_at_once_with_a_passcode_one_alone_is_let_in(cloud, member, clock, seeds):
    user_id = member['user']['id']
    seeds[user_id] = [SEED]
    step = passcode(user_id, clock)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: log_in(cloud, step).status, range(8)))
    assert sorted(found) == [201] + [401] * 7


def test_a_passcode_that_another_process_has_seen_is_over(cloud, member, clock, seeds):
    user_id = member['user']['id']
    seeds[user_id] = [SEED]
    step = passcode(user_id, clock)
    assert log_in(cloud, step).status == 201
    here = cloud.parts.extra['identity']
    there = Authority(cloud.parts.db, cloud.parts.tokens, here.settings, clock, seeds=lambda _, user: seeds[user])
    with pytest.raises(errors.Unauthenticated):
        there.login({'methods': ['totp'], **step})
    there.close()


def test_a_wrong_passcode_writes_nothing_down(cloud, member, clock, seeds):
    user_id = member['user']['id']
    seeds[user_id] = [SEED]
    assert log_in(cloud, {'totp': {'user': {'id': user_id, 'passcode': '000000'}}}).status == 401
    assert log_in(cloud, passcode(user_id, clock)).status == 201
