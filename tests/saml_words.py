"""Assertions as some other identity provider makes them, signed by xmlsec, and as an attacker bends them."""

import copy
from collections.abc import Callable
from typing import Any

import xmlsec
from lxml import etree

from nimbus.identity.saml.signed_xml import NAMESPACES

IDP, SP = 'https://idp.example.org/', 'https://far/sp'
PLACE = 'https://far:5000/v3/OS-FEDERATION/identity_providers/near/protocols/saml2/auth'
TEMPLATE = f"""<samlp:Response xmlns:samlp="{NAMESPACES['samlp']}" xmlns:saml="{NAMESPACES['saml']}"
  ID="r1" Version="2.0" Destination="{PLACE}" IssueInstant="2030-01-01T00:00:00Z"><saml:Issuer>{IDP}</saml:Issuer>
<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
<saml:Assertion ID="a1" Version="2.0" IssueInstant="2030-01-01T00:00:00Z"><saml:Issuer>{IDP}</saml:Issuer>
<saml:Subject><saml:NameID>bob</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
<saml:SubjectConfirmationData Recipient="{PLACE}" NotOnOrAfter="2030-01-01T00:05:00Z"/></saml:SubjectConfirmation>
</saml:Subject>
<saml:Conditions NotBefore="2030-01-01T00:00:00Z" NotOnOrAfter="2030-01-01T00:10:00Z"><saml:AudienceRestriction>
<saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
<saml:AuthnStatement AuthnInstant="2030-01-01T00:00:00Z" SessionNotOnOrAfter="2030-01-01T08:00:00Z">
<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>
</saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="mail">
<saml:AttributeValue>bob@example.org</saml:AttributeValue></saml:Attribute>
<saml:Attribute Name="roles"><saml:AttributeValue>member;x</saml:AttributeValue>
<saml:AttributeValue>reader</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"""


def one(root: Any, path: str) -> Any:
    """The one element that the path finds."""
    (found,) = root.xpath(path, namespaces=NAMESPACES)
    return found


def response(
    key: str,
    change: Callable[[Any], Any] | None = None,
    method: Any = xmlsec.constants.TransformRsaSha256,
    canonical: Any = xmlsec.constants.TransformExclC14N,
) -> Any:
    """A Response whose assertion, after the change, was signed with the key of the file."""
    root = etree.fromstring(TEMPLATE)
    if change:
        change(root)
    sign(root, key, method, canonical)
    return root


def sign(root: Any, key: str, method: Any, canonical: Any) -> None:
    """The first assertion below the root is signed."""
    assertion = root.xpath('//saml:Assertion', namespaces=NAMESPACES)[0]
    digest = xmlsec.constants.TransformSha1 if method == xmlsec.constants.TransformRsaSha1 else None
    signature = xmlsec.template.create(root, canonical, method, ns='ds')
    assertion.insert(1, signature)
    reference = xmlsec.template.add_reference(
        signature, digest or xmlsec.constants.TransformSha256, uri='#' + assertion.get('ID')
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, canonical)
    xmlsec.tree.add_ids(root, ['ID'])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(key, xmlsec.constants.KeyDataFormatPem)
    context.sign(signature)


def evil(root: Any, new_id: str = 'evil') -> Any:
    """A copy of the assertion without its signature, in which another user is told."""
    made = copy.deepcopy(one(root, '//saml:Assertion'))
    made.remove(one(made, './ds:Signature'))
    made.set('ID', new_id)
    one(made, './/saml:NameID').text = 'admin'
    return made


def enveloped(root: Any) -> bytes:
    """The response in the envelope of an enhanced client."""
    soap = NAMESPACES['soap']
    envelope = etree.Element(f'{{{soap}}}Envelope', nsmap={'soap': soap})
    etree.SubElement(envelope, f'{{{soap}}}Header')
    etree.SubElement(envelope, f'{{{soap}}}Body').append(root)
    return etree.tostring(envelope)
