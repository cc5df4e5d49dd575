"""What this cloud tells other clouds of its users in SAML, read and checked by another implementation."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import pytest

from nimbus.common import clock, errors
from nimbus.identity.saml import provider as saml_provider
from nimbus.identity.saml.provider import Provider, Statement
from nimbus.identity.saml.signed_xml import written
from nimbus.identity.settings.saml import Saml
from tests.saml_files import found, is_signed, write_pair

CONSUMER = 'https://sp.example.org/Shibboleth.sso/SAML2/ECP'
GROUP = 'JSON:{"name": "ops", "domain": {"name": "Default"}}'
TOLD = Statement('bob <&> Ünal', 'Default', ('member', 'reader'), 'lab', 'Default', (GROUP,))


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Saml:
    key, certificate = write_pair(tmp_path)
    return Saml(
        idp_entity_id='https://cloud/v3/OS-FEDERATION/saml2/idp',
        idp_sso_endpoint='https://cloud/v3/OS-FEDERATION/saml2/sso',
        certfile=certificate,
        keyfile=key,
    )


@pytest.fixture
def provider(settings: Saml) -> Provider:
    return Provider(settings, clock.FakeClock())


def texts(document: bytes, attribute: str) -> list[str]:
    return found(document, f'//saml:Attribute[@Name="{attribute}"]/saml:AttributeValue/text()')


def test_an_assertion_says_who_the_user_is_in_names(provider):
    document = written(provider.response(TOLD, CONSUMER))
    assert [node.get('Name') for node in found(document, '//saml:Attribute')] == [
        'openstack_user',
        'openstack_roles',
        'openstack_project',
        'openstack_project_domain',
        'openstack_user_domain',
        'openstack_groups',
    ]
    assert texts(document, 'openstack_user') == ['bob <&> Ünal']
    assert texts(document, 'openstack_roles') == ['member', 'reader']
    assert texts(document, 'openstack_project') == ['lab']
    assert texts(document, 'openstack_groups') == [GROUP]
    assert found(document, '//saml:NameID/text()') == ['bob <&> Ünal']


def test_a_user_without_groups_has_no_such_attribute(provider):
    document = written(provider.response(dataclasses.replace(TOLD, groups=()), CONSUMER))
    assert found(document, '//saml:Attribute[@Name="openstack_groups"]') == []


def test_a_response_is_for_one_service_provider_and_for_a_while(provider):
    document = written(provider.response(TOLD, CONSUMER))
    (response,) = found(document, '/samlp:Response')
    assert [child.tag.partition('}')[2] for child in response] == ['Issuer', 'Status', 'Assertion']
    assert (response.get('Destination'), response.get('IssueInstant')) == (CONSUMER, '2030-01-01T00:00:00Z')
    (data,) = found(document, '//saml:SubjectConfirmationData')
    assert (data.get('Recipient'), data.get('NotOnOrAfter')) == (CONSUMER, '2030-01-01T01:00:00.000000Z')
    assert set(found(document, '//saml:Issuer/text()')) == {'https://cloud/v3/OS-FEDERATION/saml2/idp'}
    assert found(document, '//samlp:StatusCode/@Value') == ['urn:oasis:names:tc:SAML:2.0:status:Success']


@pytest.mark.parametrize('kind', ['rsa', 'ec'])
def test_another_implementation_finds_the_assertion_signed(settings, tmp_path, kind):
    key, certificate = write_pair(tmp_path, kind, 'other')
    provider = Provider(dataclasses.replace(settings, keyfile=key, certfile=certificate))
    response = provider.response(TOLD, CONSUMER)
    assert is_signed(written(response), certificate)
    assert not is_signed(written(response).replace(b'>lab<', b'>lib<'), certificate)
    assert not is_signed(written(response), settings.certfile)
    enveloped = written(provider.envelope(response, 'ss:mem:'))
    assert is_signed(enveloped, certificate)
    assert not is_signed(enveloped.replace(b'>reader<', b'>admin<'), certificate)


def test_every_assertion_has_an_id_of_its_own(provider):
    ids = {
        found(written(provider.response(TOLD, CONSUMER)), path)[0]
        for path in ('/samlp:Response/@ID', '//saml:Assertion/@ID', '//saml:AuthnStatement/@SessionIndex')
        for _ in range(3)
    }
    assert len(ids) == 9


def test_an_envelope_has_the_relay_state_of_the_service_provider(provider):
    document = written(provider.envelope(provider.response(TOLD, CONSUMER), 'ss:mem:'))
    (state,) = found(document, '/soap:Envelope/soap:Header/ecp:RelayState')
    assert state.text.startswith('ss:mem:') and len(state.text) == 39
    assert sorted(state.attrib.values()) == ['1', 'http://schemas.xmlsoap.org/soap/actor/next']
    assert len(found(document, '/soap:Envelope/soap:Body/samlp:Response/saml:Assertion')) == 1


def test_a_name_that_xml_cannot_hold_is_refused(provider):
    with pytest.raises(errors.Invalid, match='control characters'):
        provider.response(dataclasses.replace(TOLD, user='bob\x00'), CONSUMER)


def test_the_metadata_tell_the_name_the_key_and_the_people(provider, settings):
    document = provider.metadata()
    assert found(document, '/md:EntityDescriptor/@entityID') == [settings.idp_entity_id]
    assert found(document, '//md:SingleSignOnService/@Location') == [settings.idp_sso_endpoint]
    (shown,) = found(document, '//md:KeyDescriptor[@use="signing"]//ds:X509Certificate/text()')
    assert ''.join(shown.split()) in pathlib.Path(settings.certfile).read_text().replace('\n', '')
    assert found(document, '//md:Organization | //md:ContactPerson') == []
    people = dataclasses.replace(
        settings,
        idp_organization_name='Cloud',
        idp_organization_display_name='The Cloud',
        idp_organization_url='https://cloud/',
        idp_contact_company='Cloud Ltd',
        idp_contact_name='Ann',
        idp_contact_surname='Other',
        idp_contact_email='ann@cloud.example',
        idp_contact_telephone='+1 800 555 0100',
        idp_contact_type='technical',
    )
    document = Provider(people).metadata()
    assert found(document, '//md:Organization/md:OrganizationName[@xml:lang="en"]/text()') == ['Cloud']
    assert found(document, '//md:ContactPerson[@contactType="technical"]/md:SurName/text()') == ['Other']


def test_metadata_of_a_file_are_served_as_they_are(settings, tmp_path):
    kept = tmp_path / 'metadata.xml'
    kept.write_bytes(b'<x/>')
    assert Provider(dataclasses.replace(settings, idp_metadata_path=str(kept))).metadata() == b'<x/>'
    with pytest.raises(errors.Unavailable, match='^A file that SAML needs cannot be read.$') as caught:
        Provider(dataclasses.replace(settings, idp_metadata_path=str(tmp_path / 'none.xml'))).metadata()
    assert 'none.xml cannot be read' in caught.value.inside


def test_a_cloud_without_a_name_is_no_identity_provider():
    with pytest.raises(errors.NotBuilt, match=r'\[saml\] idp_entity_id and idp_sso_endpoint must be set'):
        Provider().metadata()
    with pytest.raises(errors.NotBuilt, match=r'\[saml\] idp_entity_id must be set'):
        Provider().response(TOLD, CONSUMER)


def test_a_new_key_is_used_as_soon_as_it_is_there(provider, settings, tmp_path):
    assert is_signed(written(provider.response(TOLD, CONSUMER)), settings.certfile)
    key, certificate = write_pair(tmp_path, stem='next')
    with pytest.raises(errors.Unavailable, match='does not match the certificate'):
        os.replace(key, settings.keyfile)
        provider.response(TOLD, CONSUMER)
    os.replace(certificate, settings.certfile)
    assert is_signed(written(provider.response(TOLD, CONSUMER)), settings.certfile)
    os.unlink(settings.keyfile)
    with pytest.raises(errors.Unavailable, match='^A file that SAML needs cannot be read.$') as caught:
        provider.response(TOLD, CONSUMER)
    assert 'saml.key cannot be read' in caught.value.inside


def test_a_cloud_that_does_not_speak_saml_does_not_load_its_libraries():
    code = (
        'import sys, nimbus.api.identity.app, nimbus.identity.saml.provider; '
        'sys.exit(bool({"lxml", "signxml"} & set(sys.modules)))'
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_where_the_extra_is_not_installed_the_answer_says_so(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, 'lxml', None)
    for ask in (lambda: Provider(settings).metadata(), lambda: Provider(settings).response(TOLD, CONSUMER)):
        with pytest.raises(errors.NotBuilt, match='the extra "saml" of nimbus is not installed'):
            ask()


def test_a_statement_needs_the_scope_of_a_project():
    assert saml_provider.Statement('a', 'b', (), 'c', 'd').attributes().keys() == {
        'openstack_user',
        'openstack_project',
        'openstack_project_domain',
        'openstack_user_domain',
    }
