"""Signed tokens: who may make them, who believes them, and with which keys."""

import base64
import dataclasses
import hashlib
import hmac
import json
import os
import pathlib

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jwk as outside_jwk
from joserfc import jws as outside

from nimbus.common import errors
from nimbus.identity import key_repository
from nimbus.identity.tokens import payload, public_keys, signing
from nimbus.identity.tokens.payload import Claims
from tests.domain.identity.conftest import ADMIN, HOUR
from tests.domain.identity.tokens.test_validator import NOW


@pytest.fixture
def root(tmp_path):
    key_repository.setup(tmp_path / 'signing', signing.make)
    return tmp_path / 'signing'


@pytest.fixture
def signer(root):
    return signing.SigningKeys(root)


@pytest.fixture
def signed(world, signer):
    """A world that issues signed tokens, and what it publishes."""
    world.settings = dataclasses.replace(world.settings, token_format='jws')
    world.validator._settings = world.settings
    world.validator.signed = signer
    return world


class Site:
    """Identity's published keys, as a service fetches them; it can be down."""

    def __init__(self, signer):
        self.signer, self.asked, self.up = signer, 0, True

    def __call__(self):
        self.asked += 1
        if not self.up:
            raise OSError('connection refused')
        return json.dumps(self.signer.published()).encode()


def claims(**changes):
    return Claims(
        **{
            'methods': ('password', 'token'),
            'user_id': 'a1' * 16,
            'scope': 'project',
            'scope_id': 'b2' * 16,
            'issued_at': NOW,
            'expires_at': NOW + HOUR,
            'audit_ids': (payload.new_audit_id(), payload.new_audit_id()),
            'application_credential_id': 'f' * 32,
            **{name: name for name in payload.NAMES[3:]},
            'group_ids': ('c3' * 16, 'another'),
            **changes,
        }
    )


@pytest.mark.parametrize('scope, scope_id', [('project', 'p'), ('domain', 'd'), ('system', ''), ('unscoped', '')])
def test_claims_come_back_as_they_were(signer, scope, scope_id):
    told = claims(scope=scope, scope_id=scope_id)
    assert signer.verify(signer.sign(told)) == told


def test_no_claim_is_lost_on_the_way():
    told = signing.to_json(claims())
    assert len(told) == len(dataclasses.fields(Claims)) - 1  # the scope and its id are one
    assert told['sub'] == 'a1' * 16 and told['openstack_project_id'] == 'b2' * 16
    assert signing.to_json(claims(scope='system', scope_id=''))['openstack_system'] == 'all'


def test_an_outside_library_verifies_a_token_by_the_published_keys(signer):
    token = signer.sign(claims())
    found = outside.deserialize_compact(
        token, outside_jwk.KeySet.import_key_set(signer.published()), algorithms=['ES256']
    )
    assert json.loads(found.payload)['sub'] == 'a1' * 16
    assert json.loads(found.payload)['exp'] - json.loads(found.payload)['iat'] == 3600
    assert outside_jwk.ECKey.import_key(signer.published()['keys'][0]).thumbprint() == found.headers()['kid']


def test_nothing_private_is_published(signer):
    for key in signer.published()['keys']:
        assert set(key) == {'kty', 'crv', 'x', 'y', 'kid', 'use', 'alg'}


def test_a_signed_token_works_wherever_an_encrypted_one_does(signed):
    token = signed.login()
    assert signing.is_signed(token) and len(token) < 1024
    assert signed.validator.validate(token).is_admin
    service = signed.another()
    service.signed = public_keys.PublishedKeys(pathlib.Path(signed.keys).parent / 'kept', Site(signed.validator.signed))
    assert service.validate(token).is_admin


def test_a_warm_signed_token_needs_neither_database_nor_network(signed, tmp_path, monkeypatch):
    token, site, service = signed.login(), Site(signed.validator.signed), signed.another()
    service.signed = public_keys.PublishedKeys(tmp_path / 'kept', site)
    service.validate(token)
    site.up, asked = False, site.asked
    monkeypatch.setattr(signed.db, 'read', None)
    assert service.validate(token).is_admin
    assert site.asked == asked


def test_tokens_of_before_live_on_when_the_format_changes(world, signer):
    encrypted = world.login()
    world.validator._settings = dataclasses.replace(world.settings, token_format='jws')
    world.validator.signed = signer
    after = world.login()
    assert signing.is_signed(after) and not signing.is_signed(encrypted)
    assert world.validator.validate(encrypted).user_id == world.validator.validate(after).user_id
    world.validator._settings = world.settings
    assert world.another().validate(encrypted).is_admin
    assert world.validator.validate(after).is_admin


def test_a_live_token_outlives_any_number_of_rotations(root, signer):
    token = signer.sign(claims())
    for _ in range(5):
        key_repository.rotate(root, 3600, signing.make, signing.retire)
        assert signer.verify(token) is not None
        assert signing.SigningKeys(root).verify(signer.sign(claims())) is not None


def test_the_key_id_rotates_and_was_published_before_it_signs(root, signer):
    before = [key['kid'] for key in signer.published()['keys']]
    kid = jwt.get_unverified_header(signer.sign(claims()))['kid']
    key_repository.rotate(root, 3600, signing.make, signing.retire)
    after = jwt.get_unverified_header(signer.sign(claims()))['kid']
    assert after != kid and after in before
    assert kid in [key['kid'] for key in signer.published()['keys']]


def test_a_key_that_signs_no_more_leaves_only_its_public_part(root, signer):
    key_repository.rotate(root, 3600, signing.make, signing.retire)
    assert [b'PRIVATE' in (root / str(n)).read_bytes() for n in (0, 1, 2)] == [True, False, True]


def test_a_token_of_a_rotated_out_key_is_refused(root, signer, tmp_path):
    token, site = signer.sign(claims()), Site(signer)
    service = public_keys.PublishedKeys(tmp_path / 'kept', site, interval=60)
    assert service.verify(token) is not None
    key_repository.rotate(root, 3600, signing.make, signing.retire)
    old = (root / '1').stat().st_mtime - 3600 - key_repository.MARGIN - 1
    os.utime(root / '1', (old, old))
    key_repository.rotate(root, 3600, signing.make, signing.retire)
    signer.refresh()
    assert signer.verify(token) is None
    service._learn()
    assert service.verify(token) is None


def test_what_is_remembered_of_a_token_goes_with_its_key(root, signed):
    token = signed.login()
    signed.validator.validate(token)
    key_repository.rotate(root, 3600, signing.make, signing.retire)
    signed.validator.poll()
    assert signed.validator.validate(token).is_admin
    (root / '1').unlink()  # as after a theft
    signed.validator.poll()
    with pytest.raises(errors.Unauthenticated):
        signed.validator.validate(token)


def forged(token, header, key=b'', alter=None):
    """The token's payload under another header, signed by HMAC with the key where there is one."""
    _, body, _ = token.split('.')
    if alter:
        told = json.loads(base64.urlsafe_b64decode(body + '=='))
        body = signing._text(json.dumps({**told, **alter}).encode())
    head = signing._text(json.dumps(header).encode())
    signature = hmac.new(key, f'{head}.{body}'.encode(), hashlib.sha256).digest() if key else b''
    return f'{head}.{body}.{signing._text(signature)}'


def forgeries(root, token):
    kid = jwt.get_unverified_header(token)['kid']
    pem = signing.retire((root / '1').read_bytes())
    head, body, signature = token.split('.')
    spare = 'AQgw'['AQgw'.index(signature[-1]) - 1] if signature[-1] in 'AQgw' else 'A'
    yield 'no algorithm', forged(token, {'alg': 'none', 'kid': kid})
    yield 'no algorithm, spelt otherwise', forged(token, {'alg': 'NoNe', 'typ': 'JWT', 'kid': kid})
    for name, key in (('PEM', pem), ('JWK', json.dumps(signing.jwk(signing._public(pem))).encode())):
        yield f'HS256 with the public key as {name}', forged(token, {'alg': 'HS256', 'kid': kid}, key)
    yield 'another user', f'{head}.{forged(token, {}, alter={"sub": "root"}).split(".")[1]}.{signature}'
    yield 'a later end', f'{head}.{forged(token, {}, alter={"exp": 9e9}).split(".")[1]}.{signature}'
    yield 'another spelling', f'{head}.{body}.{signature[:-1]}{spare}'
    yield 'padding', token + '=='
    yield 'no signature', f'{head}.{body}.'
    yield 'a signature of zeros', f'{head}.{body}.{signing._text(bytes(64))}'
    yield 'no key id', forged(token, {'alg': 'ES256'})
    yield 'its own key', forged(token, {'alg': 'ES256', 'kid': 'x', 'jwk': signing.jwk(signing._public(pem))})
    yield 'a header that is no object', f'{signing._text(b"[1]")}.{body}.{signature}'
    yield 'dots alone', '..'
    yield 'letters of no alphabet', f'{head}.{body}é.{signature}'


def test_forgeries_are_refused(root, signed):
    token = signed.login()
    signed.validator.validate(token)
    told = dict(forgeries(root, token))
    assert len(told) == 15
    for name, forgery in told.items():
        assert forgery != token
        with pytest.raises(errors.Unauthenticated):
            signed.validator.validate(forgery)
            pytest.fail(f'believed: {name}')


def test_every_changed_character_is_noticed(signer):
    token = signer.sign(claims())
    for at in range(len(token)):
        other = 'B' if token[at] == 'A' else 'A'
        assert signer.verify(token[:at] + other + token[at + 1 :]) is None


def test_a_key_of_somebody_else_signs_nothing(signer, tmp_path):
    key_repository.setup(tmp_path / 'foreign', signing.make)
    assert signer.verify(signing.SigningKeys(tmp_path / 'foreign').sign(claims())) is None


def test_a_signature_over_other_words_is_no_token(root, signer):
    key = serialization.load_pem_private_key((root / '1').read_bytes(), None)
    kid = signing.jwk(key.public_key())['kid']
    for words in (b'[]', b'{}', b'nothing', b'{"sub": "x", "iat": "now", "exp": 1}'):
        assert signer.verify(signing._jws().encode(words, key, 'ES256', {'kid': kid})) is None


def test_a_signed_token_ends_and_is_revoked_like_any_other(signed):
    token = signed.login()
    signed.validator.validate(token)
    signed.clock.advance(3600)
    for validator in (signed.validator, signed.another()):
        validator.signed = signed.validator.signed
        with pytest.raises(errors.Unauthenticated):
            validator.validate(token)


def test_a_service_starts_with_the_keys_it_kept(signer, tmp_path):
    token, site = signer.sign(claims()), Site(signer)
    public_keys.PublishedKeys(tmp_path / 'kept', site)._learn()
    site.up = False
    again = public_keys.PublishedKeys(tmp_path / 'kept', site)
    assert again.verify(token) is not None
    assert site.asked == 1


@pytest.mark.parametrize(
    'bad', [b'', b'{}', b'[]', b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "eA"}]}', b'x' * 70000]
)
def test_a_bad_answer_does_not_replace_good_keys(signer, tmp_path, bad):
    token = signer.sign(claims())
    service = public_keys.PublishedKeys(tmp_path / 'kept', Site(signer))
    service._learn()
    service._ask = lambda: bad
    service._learn()
    assert service.verify(token) is not None
    assert public_keys.PublishedKeys(tmp_path / 'kept', Site(signer)).verify(token) is not None


def test_made_up_key_ids_cost_one_question_a_second(signer, tmp_path, world):
    site = Site(signer)
    service = public_keys.PublishedKeys(tmp_path / 'kept', site, clock=world.clock)
    for number in range(50):
        assert service.verify(forged(signer.sign(claims()), {'alg': 'ES256', 'kid': str(number)})) is None
    assert site.asked == 1
    world.clock.advance(1)
    assert service.verify(forged(signer.sign(claims()), {'alg': 'ES256', 'kid': 'x'})) is None
    assert site.asked == 2


def test_no_request_waits_for_identity_during_an_outage(signer, tmp_path, world):
    site = Site(signer)
    site.up = False
    service = public_keys.PublishedKeys(tmp_path / 'kept', site, clock=world.clock)
    service._thread = object()  # one that asks again and again stands behind it
    world.clock.advance(1)
    token = signer.sign(claims())
    for _ in range(5):
        assert service.verify(token) is None
        world.clock.advance(1)
    assert site.asked == 1
    site.up = True
    service._learn()
    assert service.verify(token) is not None


def test_a_service_that_missed_rotations_asks_again(root, signer, tmp_path, world):
    service = public_keys.PublishedKeys(tmp_path / 'kept', Site(signer), clock=world.clock)
    service._learn()
    for _ in range(3):
        key_repository.rotate(root, 3600, signing.make, signing.retire)
    world.clock.advance(1)
    assert service.verify(signer.sign(claims())) is not None


def test_without_a_private_key_nothing_is_signed(tmp_path):
    for verifier in (signing.SigningKeys(tmp_path / 'nothing'), signing.Verifier()):
        with pytest.raises(errors.Unavailable):
            verifier.sign(claims())
        assert verifier.published() == {'keys': []}


def test_a_login_scoped_to_the_system_is_signed_as_such(signed):
    assert signed.validator.validate(signed.login({'system': {'all': True}})).system
    assert signed.validator.validate(signed.login(ADMIN)).project_name == 'admin'
