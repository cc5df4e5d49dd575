"""Whom this cloud believes in SAML: assertions of another implementation, and all the ways in which they are bent."""

import copy
import pathlib
import random
from typing import Any

import pytest
import xmlsec
from lxml import etree

from nimbus.common import clock, errors
from nimbus.identity.saml.consumer import Consumer
from nimbus.identity.saml.provider import Provider, Statement
from nimbus.identity.saml.signed_xml import NAMESPACES, written
from nimbus.identity.saml.trust import Trusted
from nimbus.identity.settings.saml import Saml
from tests.saml_files import write_pair
from tests.saml_words import IDP, PLACE, SP, enveloped, evil, one, response


class World:
    """A service provider that trusts one identity provider."""

    def __init__(self, path: pathlib.Path, kind: str = 'rsa') -> None:
        self.key, self.certificate = write_pair(path, kind)
        self.other, _ = write_pair(path, kind, 'other')
        self.clock = clock.FakeClock()
        self.directory = path / 'trusted'
        self.directory.mkdir()
        told = Saml(idp_entity_id=IDP, idp_sso_endpoint=IDP, certfile=self.certificate, keyfile=self.key)
        self.provider = Provider(told, self.clock)
        (self.directory / 'idp.xml').write_bytes(self.provider.metadata())
        self.consumer = Consumer(SP, Trusted(str(self.directory)), self.clock)

    def hear(self, root: Any) -> Any:
        return self.consumer.read(root if isinstance(root, bytes) else etree.tostring(root), PLACE)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    return World(tmp_path)


def test_a_signed_assertion_is_believed(world):
    heard = world.hear(response(world.key))
    assert heard.issuer == IDP
    assert heard.attributes == {
        'mail': ['bob@example.org'],
        'roles': ['member;x', 'reader'],
        'Shib-Identity-Provider': [IDP],
        'REMOTE_USER': ['bob'],
    }
    assert (clock.iso(heard.until), clock.iso(heard.session_ends)) == ('2030-01-01T00:06:00Z', '2030-01-01T08:00:00Z')


def test_so_is_one_in_an_envelope(world):
    assert world.hear(enveloped(response(world.key))).attributes['REMOTE_USER'] == ['bob']


@pytest.mark.parametrize('canonical', ['TransformInclC14N', 'TransformExclC14NWithComments'])
def test_the_canonical_form_is_the_signers_choice(world, canonical):
    root = response(world.key, canonical=getattr(xmlsec.constants, canonical))
    assert world.hear(root).attributes['REMOTE_USER'] == ['bob']


def test_a_key_on_a_curve_is_as_good(tmp_path):
    world = World(tmp_path, 'ec')
    root = response(world.key, method=xmlsec.constants.TransformEcdsaSha256)
    assert world.hear(root).attributes['REMOTE_USER'] == ['bob']


def test_what_this_cloud_says_another_nimbus_believes(world):
    told = Statement('bob', 'Default', ('member', 'reader'), 'lab', 'Default', ('JSON:{}',))
    document = written(world.provider.envelope(world.provider.response(told, PLACE), 'ss:mem:'))
    heard = world.hear(document)
    assert heard.attributes['openstack_roles'] == ['member', 'reader']
    assert heard.attributes['openstack_groups'] == ['JSON:{}']


def test_the_same_assertion_has_the_same_mark_and_another_has_another(world):
    def rename(root):
        one(root, '//saml:Assertion').set('ID', 'a2')

    root = response(world.key)
    marks = [world.hear(root).mark, world.hear(enveloped(root)).mark, world.hear(response(world.key, rename)).mark]
    assert marks[0] == marks[1] != marks[2]


def attribute(path: str, name: str, value: str | None) -> Any:
    def change(root: Any) -> None:
        node = one(root, path)
        node.attrib.pop(name, None)
        if value is not None:
            node.set(name, value)

    return change


def words(path: str, value: str) -> Any:
    def change(root: Any) -> None:
        one(root, path).text = value

    return change


def added(path: str, tag: str) -> Any:
    def change(root: Any) -> None:
        prefix, _, local = tag.partition(':')
        etree.SubElement(one(root, path), f'{{{NAMESPACES[prefix]}}}{local}')

    return change


def without(path: str) -> Any:
    def change(root: Any) -> None:
        node = one(root, path)
        node.getparent().remove(node)

    return change


def lasting(ends: str) -> Any:
    def change(root: Any) -> None:
        without(CONDITIONS)(root)
        one(root, DATA).set('NotOnOrAfter', ends)

    return change


DATA, CONDITIONS, LOGIN = '//saml:SubjectConfirmationData', '//saml:Conditions', '//saml:AuthnStatement'
SIGNED_AND_WRONG = {
    'for another place': attribute(DATA, 'Recipient', PLACE + '/x'),
    'for no place': attribute(DATA, 'Recipient', None),
    'an answer to nothing': attribute(DATA, 'InResponseTo', 'r0'),
    'without an end': attribute(DATA, 'NotOnOrAfter', None),
    'too old': attribute(DATA, 'NotOnOrAfter', '2029-12-31T23:58:59Z'),
    'good for ever': lasting('9999-12-31T23:59:59Z'),
    'good for days': lasting('2030-01-02T00:00:01Z'),
    'an end that is no time': attribute(DATA, 'NotOnOrAfter', 'tomorrow'),
    'an end of no zone': attribute(DATA, 'NotOnOrAfter', '2030-01-01T00:05:00'),
    'not by its bearer': attribute(
        '//saml:SubjectConfirmation', 'Method', 'urn:oasis:names:tc:SAML:2.0:cm:sender-vouches'
    ),
    'conditions that ended': attribute(CONDITIONS, 'NotOnOrAfter', '2029-12-31T23:58:00Z'),
    'conditions to come': attribute(CONDITIONS, 'NotBefore', '2030-01-01T00:01:01Z'),
    'a condition nobody knows': added(CONDITIONS, 'saml:Condition'),
    'another audience': words('//saml:Audience', 'https://elsewhere/'),
    'an audience of nobody': added(CONDITIONS, 'saml:AudienceRestriction'),
    'of no login': without(LOGIN),
    'of a login that ended': attribute(LOGIN, 'SessionNotOnOrAfter', '2029-12-31T00:00:00Z'),
    'another version': attribute('//saml:Assertion', 'Version', '1.1'),
    'about nobody': without('//saml:NameID'),
    'about two': added('//saml:Subject', 'saml:NameID'),
    'of somebody unknown': words('//saml:Assertion/saml:Issuer', 'https://elsewhere/'),
    'a failure': attribute('//samlp:StatusCode', 'Value', 'urn:oasis:names:tc:SAML:2.0:status:Responder'),
    'sent elsewhere': attribute('/samlp:Response', 'Destination', 'https://elsewhere/'),
    'more in secret': added('/samlp:Response', 'saml:EncryptedAssertion'),
}


@pytest.mark.parametrize('change', SIGNED_AND_WRONG.values(), ids=SIGNED_AND_WRONG)
def test_what_is_signed_and_wrong_is_not_believed(world, change):
    with pytest.raises(errors.Unauthenticated, match='^The SAML response '):
        world.hear(response(world.key, change))


def test_an_assertion_for_everybody_is_believed_at_the_place_it_names(world):
    assert world.hear(response(world.key, without(CONDITIONS))).attributes['REMOTE_USER'] == ['bob']


def test_an_assertion_cannot_tell_who_vouches_for_it(world):
    def change(root: Any) -> None:
        one(root, '//saml:Attribute[@Name="mail"]').set('Name', 'REMOTE_USER')
        one(root, '//saml:Attribute[@Name="roles"]').set('Name', 'Shib-Identity-Provider')

    attributes = world.hear(response(world.key, change)).attributes
    assert attributes == {'Shib-Identity-Provider': [IDP], 'REMOTE_USER': ['bob']}


def refused(world: World, root: Any) -> None:
    with pytest.raises((errors.Unauthenticated, errors.Invalid)):
        world.hear(root)


def test_what_is_not_signed_by_the_right_key_with_good_digests_is_not_believed(world):
    refused(world, response(world.other))
    refused(world, response(world.key, method=xmlsec.constants.TransformRsaSha1))
    root = response(world.key)
    one(root, '//ds:Signature').getparent().remove(one(root, '//ds:Signature'))
    refused(world, root)
    refused(world, etree.tostring(response(world.key)).replace(b'>reader<', b'>admin<'))


def test_a_key_that_comes_with_the_signature_does_not_count(world):
    root = response(world.other)
    info = etree.SubElement(one(root, '//ds:Signature'), f'{{{NAMESPACES["ds"]}}}KeyInfo')
    data = etree.SubElement(info, f'{{{NAMESPACES["ds"]}}}X509Data')
    pem = pathlib.Path(world.other.replace('.key', '.crt')).read_text()
    etree.SubElement(data, f'{{{NAMESPACES["ds"]}}}X509Certificate').text = pem.split('-----')[2]
    refused(world, root)


def test_the_certificate_is_no_secret_of_a_keyed_hash(world):
    root = response(world.key)
    one(root, '//ds:SignatureMethod').set('Algorithm', 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256')
    refused(world, root)


def wrap(how: str, root: Any) -> Any:
    """The response with a second assertion, about another user, where a careless reader finds it."""
    real = one(root, '//saml:Assertion')
    same = evil(root, real.get('ID'))
    other = evil(root)
    if how in ('beside', 'beside, first', 'beside, same id'):
        root.insert(2 if how == 'beside, first' else 9, same if 'same' in how else other)
    elif how.startswith('around'):
        # The signed one stands inside of the signature of a forged one, or in its advice.
        fake = same if 'same' in how else other
        root.replace(real, fake)
        signature = one(real, './ds:Signature')
        fake.insert(1, signature)
        if 'object' in how:
            etree.SubElement(signature, f'{{{NAMESPACES["ds"]}}}Object').append(real)
        else:
            etree.SubElement(fake, f'{{{NAMESPACES["saml"]}}}Advice').append(real)
    elif how == 'in extensions':
        extensions = etree.Element(f'{{{NAMESPACES["samlp"]}}}Extensions')
        root.replace(real, other)
        extensions.append(real)
        root.insert(1, extensions)
    elif how == 'response around response':
        outer = copy.deepcopy(root)
        outer.replace(one(outer, './saml:Assertion'), other)
        outer.append(root)
        return outer
    return root


WRAPPINGS = (
    'beside',
    'beside, first',
    'beside, same id',
    'around, object',
    'around, object, same id',
    'around, advice',
    'around, advice, same id',
    'in extensions',
    'response around response',
)


@pytest.mark.parametrize('how', WRAPPINGS)
def test_a_signature_covers_nothing_but_what_is_read(world, how):
    root = wrap(how, response(world.key))
    assert b'>admin<' in etree.tostring(root) and b'>bob<' in etree.tostring(root)
    refused(world, root)


def test_a_comment_cuts_no_name_short(world):
    root = response(world.key, words('//saml:NameID', 'admin.evil'))
    data = etree.tostring(root).replace(b'>admin.evil<', b'>admin<!-- -->.evil<')
    assert world.hear(data).attributes['REMOTE_USER'] == ['admin.evil']


# OSSA-2013-004.
@pytest.mark.parametrize(
    'head',
    [
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        '<!DOCTYPE x>',
    ],
)
def test_a_document_type_is_refused(world, head):
    data = etree.tostring(response(world.key)).decode()
    for sent in (head + data, (head + data).replace('>bob<', '>&a;<')):
        for encoding in ('utf-8', 'utf-16', 'utf-16-le', 'utf-7'):
            declared = f'<?xml version="1.0" encoding="{encoding}"?>' + sent
            with pytest.raises(errors.Invalid):
                world.hear(declared.encode(encoding))


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'x',
        b'<x/>',
        b'{"auth": {}}',
        b'<a>' * 5000,
        b'\xff\xfe<',
        b'<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"/>',
        b'<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><x/></Body></Envelope>',
    ],
)
def test_what_is_no_saml_is_invalid(world, data):
    with pytest.raises(errors.Invalid):
        world.hear(data)


def test_bent_at_random_it_is_refused_or_says_the_same(world):
    data, dice = etree.tostring(response(world.key)), random.Random(7)
    told = world.hear(data).attributes
    for _ in range(600):
        at, size = dice.randrange(len(data)), dice.choice((1, 1, 2, 8, 40))
        piece = dice.choice((b'', bytes(dice.randrange(32, 127) for _ in range(size)), data[at : at + size] * 2))
        try:
            heard = world.hear(data[:at] + piece + data[at + size :])
        except (errors.Invalid, errors.Unauthenticated):
            continue
        assert heard.attributes == told


def test_metadata_count_from_when_they_are_there_until_they_are_not(world):
    root = response(world.key)
    kept = world.directory / 'idp.xml'
    metadata = kept.read_bytes()
    kept.unlink()
    refused(world, root)
    kept.write_bytes(b'<nonsense')
    (world.directory / 'good.xml').write_bytes(metadata)
    assert world.hear(root).issuer == IDP
    ended = metadata.replace(b' entityID', b' validUntil="2029-12-31T00:00:00Z" entityID')
    (world.directory / 'good.xml').write_bytes(ended)
    refused(world, root)


def test_a_federations_metadata_name_many(world):
    metadata = etree.fromstring((world.directory / 'idp.xml').read_bytes())
    many = etree.Element(f'{{{NAMESPACES["md"]}}}EntitiesDescriptor')
    many.append(metadata)
    (world.directory / 'idp.xml').write_bytes(etree.tostring(many))
    assert world.hear(response(world.key)).issuer == IDP
