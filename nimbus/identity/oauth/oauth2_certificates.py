"""OAuth 2 clients that authenticate by mutual TLS: a mapping decides which user a certificate stands for.

The parser of certificates is imported with the first one.
"""

import datetime
from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import lists
from nimbus.identity.federation import mappings, rules
from nimbus.identity.login.proofs import Proof
from nimbus.identity.people import users

METHOD = 'oauth2_credential'
SUBJECT, ISSUER = 'SSL_CLIENT_SUBJECT_DN_', 'SSL_CLIENT_ISSUER_DN_'
IDENTIFYING = ('id', 'name', 'email')  # without one of them a mapping would accept any certificate for any user


def prove(
    tx: db.Tx, client_id: str, certificate: bytes, thumbprint: str, mapping_id: str, now: datetime.datetime
) -> Proof:
    """The proof that the certificate, in DER, is that of the user `client_id`, scoped to the user's default project.

    Raises Unauthenticated when it is not.
    """
    try:
        user, mapping = users.show(tx, client_id), mappings.show(tx, mapping_id)
        given = rules.evaluate(mapping.id, mapping.rules, mapping.schema_version, _assertion(certificate, now)).user
        home = lists.domain(tx, user.domain_id)
    except (errors.NotFound, errors.Unauthenticated):
        raise refusal() from None
    if not user.default_project_id or not _is(given, user, home):
        raise refusal()
    scope = ('project', user.default_project_id)
    return Proof(user.id, (METHOD,), options=user.options, marks={'thumbprint': thumbprint}, scope=scope)


def refusal() -> errors.Unauthenticated:
    """The one error for every refused client: it does not reveal the reason."""
    return errors.Unauthenticated('Client authentication failed.')


def _assertion(certificate: bytes, now: datetime.datetime) -> dict[str, list[str]]:
    """The subject and issuer of a certificate, under the names of Apache's mod_ssl.  Raises Unauthenticated."""
    from cryptography import x509

    try:
        read = x509.load_der_x509_certificate(certificate)
        names = {SUBJECT: read.subject, ISSUER: read.issuer}
        begins, ends = read.not_valid_before_utc, read.not_valid_after_utc
        found = {before + _word(one): [_text(one.value)] for before, name in names.items() for one in name}
    except ValueError:
        raise refusal() from None
    # The proxy that terminates TLS checks that as well, but may be configured not to.
    if not begins.replace(tzinfo=None) <= now <= ends.replace(tzinfo=None):
        raise refusal()
    return found


def _word(one: Any) -> str:
    from cryptography.x509.oid import NameOID

    if one.oid == NameOID.EMAIL_ADDRESS:
        return 'EMAILADDRESS'
    return one.rfc4514_attribute_name.upper()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()


def _is(given: dict[str, Any], user: Any, home: Any) -> bool:
    """Whether the mapping's result identifies a user and each of its values is that of this one."""
    domain = given.get('domain') or {}
    pairs = (
        (given.get('id'), user.id),
        (given.get('name'), user.name),
        (given.get('email'), user.extra.get('email')),
        (domain.get('id'), home.id),
        (domain.get('name'), home.name),
    )
    return any(given.get(name) for name in IDENTIFYING) and all(said == known for said, known in pairs if said)
