"""This cloud as a SAML identity provider: issues assertions about a token's user to another cloud."""

import dataclasses
import datetime
import json
import os
import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization

from nimbus.common import clock, errors
from nimbus.common.database import db
from nimbus.identity.models import Group, Membership, Project
from nimbus.identity.saml import metadata as saml_metadata
from nimbus.identity.saml.signed_xml import NEXT, PLACEHOLDER, PROTOCOL, SAML, SCHEMA, SOAP, element, lxml, name, signed
from nimbus.identity.settings.saml import Saml
from nimbus.identity.tokens.subjects import Subject

if TYPE_CHECKING:
    from cryptography import x509

VERSION = '2.0'
SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success'
ENTITY = 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity'
BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'
PASSWORD = 'urn:oasis:names:tc:SAML:2.0:ac:classes:Password'  # the authentication context that upstream sends
_home = Project.__table__.alias('home')


@dataclasses.dataclass(frozen=True)
class Statement:
    """The attributes of a user, as names, as the other cloud does not know our ids."""

    user: str
    user_domain: str
    roles: tuple[str, ...]
    project: str
    project_domain: str
    groups: tuple[str, ...] = ()  # each `JSON:` and an object

    def attributes(self) -> dict[str, tuple[str, ...]]:
        """The values of each attribute; one without a value is left out."""
        given = {
            'openstack_user': (self.user,),
            'openstack_roles': self.roles,
            'openstack_project': (self.project,),
            'openstack_project_domain': (self.project_domain,),
            'openstack_user_domain': (self.user_domain,),
            'openstack_groups': self.groups,
        }
        return {attribute: values for attribute, values in given.items() if values}


def statement_of(tx: db.Tx, subject: Subject) -> Statement:
    """The attributes of a token's user.  Raises Forbidden when the token is not project-scoped.

    A delegated token has no groups in it, as they were not delegated.
    """
    place = subject.project
    if place is None or place.domain_name is None:
        raise errors.Forbidden(
            'You are not authorized to perform the requested action: Use a project scoped token when attempting to '
            'create a SAML assertion.'
        )
    lent = subject.trust is not None or subject.credential is not None or 'ec2credential' in subject.claims.methods
    return Statement(
        user=subject.user_name,
        user_domain=subject.user_domain_name,
        roles=tuple(role for _, role in subject.roles),
        project=place.name,
        project_domain=place.domain_name,
        groups=() if lent else tuple(_groups(tx, subject.user_id)),
    )


def _groups(tx: db.Tx, user_id: str) -> list[str]:
    found = tx.rows(
        sa.select(Group.name, _home.c.name.label('domain_name'))
        .join(Membership, Membership.group_id == Group.id)
        .join(_home, _home.c.id == Group.domain_id)
        .where(Membership.user_id == user_id)
        .order_by(Group.name, Group.id)
    )
    return ['JSON:' + json.dumps({'name': row.name, 'domain': {'name': row.domain_name}}) for row in found]


class Provider:
    """Makes the metadata and assertions of this cloud; one in each process that serves identity."""

    def __init__(self, settings: Saml | None = None, at: clock.Clock | None = None) -> None:
        self.settings, self._clock = settings or Saml(), at or clock.Clock()
        self._pair: tuple[Any, Any, x509.Certificate] | None = None

    def metadata(self) -> bytes:
        """The metadata document of this cloud.

        Raises NotBuilt where the cloud is not an identity provider, Unavailable when a file cannot be read.
        """
        if self.settings.idp_metadata_path:
            return _read(self.settings.idp_metadata_path)
        self._require('idp_entity_id', 'idp_sso_endpoint')
        return saml_metadata.document(self.settings, self._signing_pair()[1])

    def response(self, statement: Statement, recipient: str) -> Any:
        """A Response with a signed assertion for the service provider whose consumer has the URL.

        Raises NotBuilt where the cloud is not an identity provider, Unavailable when it cannot sign, Invalid on a name
        that XML cannot hold.
        """
        self._require('idp_entity_id')
        now = self._clock.now()
        assertion = signed(self._assertion(statement, recipient, now), *self._signing_pair())
        status = element('samlp:Status', None, element('samlp:StatusCode', None, Value=SUCCESS))
        made = lxml().Element(name('samlp:Response'), nsmap={'samlp': PROTOCOL, 'saml': SAML, 'xs': SCHEMA})
        for key, value in {'ID': _id(), 'Version': VERSION, 'IssueInstant': _second(now)}.items():
            made.set(key, value)
        made.set('Destination', recipient)
        made.extend([self._issuer(), status, assertion])
        return made

    def envelope(self, response: Any, relay_state_prefix: str) -> Any:
        """The Response in the SOAP envelope that an ECP client sends to the service provider."""
        marks = {'soap__mustUnderstand': '1', 'soap__actor': NEXT}
        relay = element('ecp:RelayState', relay_state_prefix + uuid.uuid4().hex, **marks)
        made = lxml().Element(name('soap:Envelope'), nsmap={'soap': SOAP})
        made.extend([element('soap:Header', None, relay), element('soap:Body', None, response)])
        return made

    def _assertion(self, statement: Statement, recipient: str, now: datetime.datetime) -> Any:
        attributes = statement.attributes().items()
        ends = clock.iso_micro_z(now + datetime.timedelta(seconds=self.settings.assertion_expiration_time)) or ''
        made = lxml().Element(name('saml:Assertion'), nsmap={'saml': SAML, 'xs': SCHEMA})
        for key, value in {'ID': _id(), 'Version': VERSION, 'IssueInstant': _second(now)}.items():
            made.set(key, value)
        made.extend(
            [
                self._issuer(),
                element('ds:Signature', None, Id=PLACEHOLDER),
                _subject(statement.user, recipient, ends),
                self._login(now, ends),
                element('saml:AttributeStatement', None, *map(_attribute, *zip(*attributes, strict=True))),
            ]
        )
        return made

    def _issuer(self) -> Any:
        return element('saml:Issuer', self.settings.idp_entity_id, Format=ENTITY)

    def _login(self, now: datetime.datetime, ends: str) -> Any:
        about = element(
            'saml:AuthnContext',
            None,
            element('saml:AuthnContextClassRef', PASSWORD),
            element('saml:AuthenticatingAuthority', self.settings.idp_entity_id),
        )
        when = {'AuthnInstant': _second(now), 'SessionIndex': uuid.uuid4().hex, 'SessionNotOnOrAfter': ends}
        return element('saml:AuthnStatement', None, about, **when)

    def _require(self, *options: str) -> None:
        missing = [option for option in options if not getattr(self.settings, option)]
        if missing:
            raise errors.NotBuilt(
                f'This cloud is not a SAML identity provider: [saml] {" and ".join(missing)} must be set.'
            )

    def _signing_pair(self) -> 'tuple[Any, x509.Certificate]':
        """The key and its certificate, read again when a file changed.  Raises Unavailable."""
        files = (self.settings.keyfile, self.settings.certfile)
        stamp = tuple(_stamp(path) for path in files)
        if self._pair is None or self._pair[0] != stamp:
            self._pair = (stamp, *_load(*files))
        return self._pair[1:]


def _subject(user: str, recipient: str, ends: str) -> Any:
    data = element('saml:SubjectConfirmationData', None, Recipient=recipient, NotOnOrAfter=ends)
    confirmation = element('saml:SubjectConfirmation', None, data, Method=BEARER)
    return element('saml:Subject', None, element('saml:NameID', user), confirmation)


def _attribute(attribute: str, values: tuple[str, ...]) -> Any:
    texts = [element('saml:AttributeValue', value, xsi__type='xs:string') for value in values]
    return element('saml:Attribute', None, *texts, Name=attribute)


def _id() -> str:
    # An XML id may not begin with a digit.
    return '_' + uuid.uuid4().hex


def _second(moment: datetime.datetime) -> str:
    return clock.iso(moment) or ''


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError as why:
        raise _unreadable(path, why) from why
    return found.st_mtime_ns, found.st_ino


def _read(path: str) -> bytes:
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError as why:
        raise _unreadable(path, why) from why


def _load(keyfile: str, certfile: str) -> 'tuple[Any, x509.Certificate]':
    from cryptography import x509

    try:
        key: Any = serialization.load_pem_private_key(_read(keyfile), None)
        certificate = x509.load_pem_x509_certificate(_read(certfile))
    except (ValueError, TypeError) as why:
        raise errors.Unavailable(
            'The SAML signing key or its certificate is not a PEM file without a passphrase.'
        ) from why
    if key.public_key() != certificate.public_key():
        raise errors.Unavailable('The SAML signing key does not match the certificate.')
    return key, certificate


def _unreadable(path: str, why: OSError) -> errors.Unavailable:
    inside = f'{os.path.basename(path)} cannot be read: {why.strerror}.'
    return errors.Unavailable('A file that SAML needs cannot be read.', inside=inside)
