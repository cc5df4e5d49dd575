"""XML of SAML: builds, signs, parses and verifies documents.

The libraries come with the extra `saml` and, like the parser of certificates,
are imported when SAML is first used, so that other clouds do not load them.
"""

import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec

from nimbus.common import errors

if TYPE_CHECKING:
    from cryptography import x509

SAML = 'urn:oasis:names:tc:SAML:2.0:assertion'
PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol'
METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata'
ECP = 'urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp'
PAOS = 'urn:liberty:paos:2003-08'
SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
DSIG = 'http://www.w3.org/2000/09/xmldsig#'
SCHEMA = 'http://www.w3.org/2001/XMLSchema'
INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance'
XML = 'http://www.w3.org/XML/1998/namespace'
NAMESPACES = {
    'saml': SAML,
    'samlp': PROTOCOL,
    'md': METADATA,
    'ecp': ECP,
    'paos': PAOS,
    'soap': SOAP,
    'ds': DSIG,
    'xs': SCHEMA,
    'xsi': INSTANCE,
    'xml': XML,
}
NEXT = 'http://schemas.xmlsoap.org/soap/actor/next'  # the actor of every recipient
EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#'  # so that a signature stays valid in another document
PLACEHOLDER = 'placeholder'  # the signature replaces the element with this id


def lxml() -> Any:
    """The module lxml.etree.  Raises NotBuilt where the extra is not installed."""
    try:
        from lxml import etree
    except ImportError:
        raise _not_installed() from None
    return etree


def signxml() -> Any:
    """The module signxml.  Raises NotBuilt where the extra is not installed."""
    try:
        import signxml as module
    except ImportError:
        raise _not_installed() from None
    return module


def _not_installed() -> errors.NotBuilt:
    return errors.NotBuilt('This cloud does not speak SAML: the extra "saml" of nimbus is not installed.')


def name(prefixed: str) -> str:
    """`saml:Issuer` as `{urn:...}Issuer`; a name without a prefix is unchanged."""
    prefix, colon, local = prefixed.rpartition(':')
    return f'{{{NAMESPACES[prefix]}}}{local}' if colon else local


def element(tag: str, text: str | None = None, *children: Any, **attributes: str) -> Any:
    """An element with its children; two underscores in an attribute's name are the colon of its prefix.

    Raises Invalid on a text that XML cannot contain.
    """
    named = {key.replace('__', ':'): value for key, value in attributes.items()}
    prefixes = {key.partition(':')[0] for key in (tag, *named) if ':' in key} - {'xml'}
    made = lxml().Element(name(tag), nsmap={prefix: NAMESPACES[prefix] for prefix in prefixes})
    try:
        made.text = text
        for key, value in named.items():
            made.set(name(key), value)
    except ValueError:
        raise errors.Invalid('A name in this token has control characters, which SAML cannot contain.') from None
    made.extend(children)
    return made


def written(root: Any) -> bytes:
    """The element serialized as a document in UTF-8."""
    data: bytes = lxml().tostring(root, xml_declaration=True, encoding='UTF-8')
    return data


def signed(root: Any, key: Any, certificate: 'x509.Certificate') -> Any:
    """A copy of the element, which has an ID and an empty signature with the placeholder's id, signed."""
    library = signxml()
    kind = library.SignatureMethod.ECDSA_SHA256 if isinstance(key, ec.EllipticCurvePrivateKey) else None
    signer = library.XMLSigner(
        signature_algorithm=kind or library.SignatureMethod.RSA_SHA256,
        digest_algorithm=library.DigestAlgorithm.SHA256,
        c14n_algorithm=EXCLUSIVE,
    )
    return signer.sign(root, key=key, cert=[certificate], reference_uri=root.get('ID'), id_attribute='ID')


def parsed(data: bytes) -> Any:
    """The root element of a document in UTF-8.  Raises Invalid when it cannot be parsed or has a document type.

    Entities and other content of a document type are neither expanded nor fetched.
    """
    library = lxml()
    # The encoding is given, as in another one a document type could escape the check below.
    parser = library.XMLParser(encoding='utf-8', resolve_entities=False, no_network=True, load_dtd=False)
    if b'<!' in data.replace(b'<!--', b'').replace(b'<![CDATA[', b''):
        raise errors.Invalid('A SAML document must not have a document type.')
    try:
        root = library.fromstring(data, parser)
    except (library.XMLSyntaxError, ValueError):
        raise errors.Invalid('The document is not XML in UTF-8.') from None
    about = root.getroottree().docinfo
    if about.internalDTD is not None or about.externalDTD is not None:
        raise errors.Invalid('A SAML document must not have a document type.')
    return root


def found(root: Any, *path: str) -> list[Any]:
    """The elements at the end of the path of children."""
    nodes = [root]
    for step in path:
        nodes = [child for node in nodes for child in node.iterchildren(name(step))]
    return nodes


def text(node: Any) -> str:
    """All the text of an element, across comments, stripped."""
    return str(node.xpath('string()')).strip()


def checked(root: Any, certificates: 'list[x509.Certificate]', at: datetime.datetime) -> Any:
    """The element as signed by the signature that is its child, parsed from the very bytes that were signed.

    None when none of the certificates made the signature, or it does not sign the whole element.
    """
    library, etree = signxml(), lxml()
    methods, digests = library.SignatureMethod, library.DigestAlgorithm
    sizes = ('SHA256', 'SHA384', 'SHA512')
    wanted = library.SignatureConfiguration(
        location='./',
        signature_methods=frozenset(methods[f'{kind}_{size}'] for kind in ('RSA', 'ECDSA') for size in sizes),
        digest_algorithms=frozenset(digests[size] for size in sizes),
        verification_time=at.replace(tzinfo=datetime.UTC),
        ignore_ambiguous_key_info=True,  # only keys from the metadata are trusted, never one in the document
    )
    # The element alone, so that nothing around it in the document can be what is signed.
    data = etree.tostring(root, with_tail=False)
    for certificate in certificates:
        try:
            result = library.XMLVerifier().verify(data, x509_cert=certificate, id_attribute='ID', expect_config=wanted)
        except (library.exceptions.SignXMLException, etree.LxmlError, ArithmeticError, AttributeError, LookupError):
            continue  # a malformed document can make the library raise any of these
        except (TypeError, ValueError, AssertionError):
            continue
        signed_one = result.signed_xml
        if signed_one is not None and (signed_one.tag, signed_one.get('ID')) == (root.tag, root.get('ID')):
            return signed_one
    return None
