"""Requests for assertions, which only this cloud can have made, and what answers them."""

import pathlib

import pytest
from lxml import etree

from nimbus.common import clock, errors
from nimbus.identity import key_repository
from nimbus.identity.saml import request as saml_request
from tests.domain.identity.saml.test_saml_consumer import World
from tests.saml_files import found
from tests.saml_words import PLACE, SP, one, response


@pytest.fixture
def ring(tmp_path: pathlib.Path) -> key_repository.KeyRing:
    key_repository.setup(str(tmp_path / 'keys'))
    return key_repository.KeyRing(str(tmp_path / 'keys'))


def asked(ring: key_repository.KeyRing, place: str = PLACE) -> bytes:
    return saml_request.made(ring, SP, place, clock.FakeClock().now())


def test_a_request_tells_an_enhanced_client_where_to_bring_the_answer(ring):
    document = asked(ring)
    assert found(document, '/soap:Envelope/soap:Header/paos:Request/@responseConsumerURL') == [PLACE]
    assert found(document, '/soap:Envelope/soap:Header/ecp:Request/saml:Issuer/text()') == [SP]
    (request,) = found(document, '/soap:Envelope/soap:Body/samlp:AuthnRequest')
    assert (request.get('AssertionConsumerServiceURL'), request.get('Version')) == (PLACE, '2.0')
    assert [child.tag.partition('}')[2] for child in request] == ['Issuer', 'NameIDPolicy']


def test_a_request_is_known_again_at_its_place_and_in_its_time(ring):
    time = clock.FakeClock()
    request_id = found(asked(ring), '//samlp:AuthnRequest/@ID')[0]
    assert saml_request.is_ours(ring, request_id, PLACE, time.now())
    assert not saml_request.is_ours(ring, request_id, PLACE + '/x', time.now())
    for forged in ('', '_', '_x', request_id[:-2] + 'xx', 'x' * 5000, '_ü', '_' + ring.encrypt(b'[]', 0).decode()):
        assert not saml_request.is_ours(ring, forged, PLACE, time.now())
    time.advance(600)
    assert not saml_request.is_ours(ring, request_id, PLACE, time.now())


def test_only_an_answer_to_this_clouds_own_request_is_believed(ring, tmp_path):
    world = World(tmp_path)
    request_id = found(asked(ring), '//samlp:AuthnRequest/@ID')[0]

    def answering(wanted: str) -> bytes:
        def change(root):
            one(root, '//saml:SubjectConfirmationData').set('InResponseTo', wanted)

        return etree.tostring(response(world.key, change))

    def is_ours(told: str) -> bool:
        return saml_request.is_ours(ring, told, PLACE, world.clock.now())

    heard = world.consumer.read(answering(request_id), PLACE, is_ours)
    assert heard.attributes['REMOTE_USER'] == ['bob']
    with pytest.raises(errors.Unauthenticated, match='has expired, or is addressed to another recipient'):
        world.consumer.read(answering('_another'), PLACE, is_ours)
