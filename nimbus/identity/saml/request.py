"""SAML authentication requests for ECP clients, and the check that a Response answers one of them.

No state is stored: the id of a request holds its URL and time, encrypted with the token keys.
"""

import datetime
import json
import uuid

from nimbus.common import clock
from nimbus.identity.key_repository import KeyRing
from nimbus.identity.saml.signed_xml import ECP, NEXT, element, written
from nimbus.identity.tokens.payload import EPOCH

MARK = b'saml-request '  # prefix of the encrypted text, so that no token is taken for a request id
LIFE = 600.0  # seconds within which the login must be finished
MAX_LENGTH = 2048
BINDING = 'urn:oasis:names:tc:SAML:2.0:bindings:PAOS'


def made(keys: KeyRing, entity_id: str, place: str, now: datetime.datetime) -> bytes:
    """An AuthnRequest in a SOAP envelope, to be answered to the URL `place`.  Raises Unavailable without keys."""
    moment = (now - EPOCH).total_seconds()
    encrypted = keys.encrypt(MARK + json.dumps([place, moment, uuid.uuid4().hex]).encode(), moment)
    given = {
        # An XML id may not begin with a digit or contain the padding of base64.
        'ID': '_' + encrypted.rstrip(b'=').decode(),
        'Version': '2.0',
        'IssueInstant': clock.iso(now) or '',
        'AssertionConsumerServiceURL': place,
        'ProtocolBinding': BINDING,
    }
    policy = element('samlp:NameIDPolicy', None, AllowCreate='true')
    request = element('samlp:AuthnRequest', None, element('saml:Issuer', entity_id), policy, **given)
    marks = {'soap__mustUnderstand': '1', 'soap__actor': NEXT}
    return written(
        element(
            'soap:Envelope',
            None,
            element(
                'soap:Header',
                None,
                element('paos:Request', None, responseConsumerURL=place, service=ECP, **marks),
                element('ecp:Request', None, element('saml:Issuer', entity_id), **marks),
            ),
            element('soap:Body', None, request),
        )
    )


def is_ours(keys: KeyRing, request_id: str, place: str, now: datetime.datetime) -> bool:
    """Whether this cloud made the request with the id, for the URL, within the last LIFE seconds."""
    encrypted = request_id.removeprefix('_')
    if not encrypted.isascii() or len(encrypted) > MAX_LENGTH:
        return False
    payload = keys.decrypt(encrypted.encode() + b'=' * (-len(encrypted) % 4))
    if payload is None or not payload.startswith(MARK):
        return False
    meant, moment, _ = json.loads(payload.removeprefix(MARK))
    return bool(meant == place and (now - EPOCH).total_seconds() - moment < LIFE)
