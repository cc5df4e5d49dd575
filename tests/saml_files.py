"""Keys and certificates for SAML, and XML Signature's other implementation to check what nimbus signs."""

import datetime
import pathlib
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from nimbus.identity.saml.signed_xml import NAMESPACES

NAME = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, 'cloud')])
START = datetime.datetime(2020, 1, 1)


def write_pair(directory: pathlib.Path, kind: str = 'rsa', stem: str = 'saml') -> tuple[str, str]:
    """A key and its certificate in files; their paths, the key's first."""
    key: Any = rsa.generate_private_key(65537, 2048) if kind == 'rsa' else ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(START + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    secret, public = directory / f'{stem}.key', directory / f'{stem}.crt'
    pem = serialization.Encoding.PEM
    secret.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public.write_bytes(certificate.public_bytes(pem))
    return str(secret), str(public)


def found(document: bytes, path: str) -> Any:
    """What an XPath finds in the document."""
    return etree.fromstring(document).xpath(path, namespaces=NAMESPACES)


def is_signed(document: bytes, certfile: str) -> bool:
    """Whether xmlsec finds the document's one assertion to be signed by the certificate's key."""
    root = etree.fromstring(document)
    (assertion,) = root.xpath('//saml:Assertion', namespaces=NAMESPACES)
    (signature,) = assertion.xpath('./ds:Signature', namespaces=NAMESPACES)
    (reference,) = signature.xpath('./ds:SignedInfo/ds:Reference/@URI', namespaces=NAMESPACES)
    assert reference == '#' + assertion.get('ID')
    xmlsec.tree.add_ids(root, ['ID'])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(certfile, xmlsec.constants.KeyDataFormatCertPem)
    try:
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True
