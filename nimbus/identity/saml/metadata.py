"""The metadata of this cloud as a SAML identity provider: entity id, certificate, organization and contact."""

import base64
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization

from nimbus.identity.saml.signed_xml import PROTOCOL, element, written
from nimbus.identity.settings.saml import Saml

if TYPE_CHECKING:
    from cryptography import x509

URI = 'urn:oasis:names:tc:SAML:2.0:bindings:URI'
TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'


def document(settings: Saml, certificate: 'x509.Certificate') -> bytes:
    """The metadata of the identity provider that has the settings and signs with the certificate's key."""
    parts = [
        _key(certificate),
        *_organization(settings),
        *_contact(settings),
        element('md:NameIDFormat', TRANSIENT),
        element('md:SingleSignOnService', None, Binding=URI, Location=settings.idp_sso_endpoint or ''),
    ]
    role = element('md:IDPSSODescriptor', None, *parts, protocolSupportEnumeration=PROTOCOL)
    return written(element('md:EntityDescriptor', None, role, entityID=settings.idp_entity_id or ''))


def _key(certificate: 'x509.Certificate') -> Any:
    text = base64.encodebytes(certificate.public_bytes(serialization.Encoding.DER)).decode().strip()
    data = element('ds:X509Data', None, element('ds:X509Certificate', text))
    return element('md:KeyDescriptor', None, element('ds:KeyInfo', None, data), use='signing')


def _organization(settings: Saml) -> list[Any]:
    given = {
        'md:OrganizationName': settings.idp_organization_name,
        'md:OrganizationDisplayName': settings.idp_organization_display_name,
        'md:OrganizationURL': settings.idp_organization_url,
    }
    if not all(given.values()):
        return []
    return [
        element(
            'md:Organization', None, *(element(tag, text, xml__lang=settings.idp_lang) for tag, text in given.items())
        )
    ]


def _contact(settings: Saml) -> list[Any]:
    given = {
        'md:Company': settings.idp_contact_company,
        'md:GivenName': settings.idp_contact_name,
        'md:SurName': settings.idp_contact_surname,
        'md:EmailAddress': settings.idp_contact_email,
        'md:TelephoneNumber': settings.idp_contact_telephone,
    }
    if not all(given.values()):
        return []
    people = [element(tag, text) for tag, text in given.items()]
    return [element('md:ContactPerson', None, *people, contactType=settings.idp_contact_type)]
