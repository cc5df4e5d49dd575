"""This cloud as a SAML service provider: verifies a Response and reads the attributes of its signed assertion.

Only what the signature covers is read: see `signed_xml.checked`.
"""

import dataclasses
import datetime
import hashlib
from collections.abc import Callable
from typing import Any

from nimbus.common import clock, errors
from nimbus.identity.saml.signed_xml import checked, found, name, parsed, text
from nimbus.identity.saml.trust import Trusted, moment

SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success'
BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'
SKEW = datetime.timedelta(seconds=60)  # how far the clocks of two clouds may differ
LONGEST = datetime.timedelta(days=1)  # an assertion with a longer validity is refused as a mistake
# Attributes that Apache's modules set, and mappings for them expect; they override those of the same name.
ISSUER, SUBJECT = 'Shib-Identity-Provider', 'REMOTE_USER'
CONDITIONS = tuple(map(name, ('saml:AudienceRestriction', 'saml:OneTimeUse', 'saml:ProxyRestriction')))


@dataclasses.dataclass(frozen=True)
class SamlAssertion:
    """The contents of a verified assertion, and its times."""

    issuer: str
    attributes: dict[str, list[str]]
    mark: str  # the same for the same assertion of the same identity provider, and for no other
    until: datetime.datetime  # it may not be used after
    session_ends: datetime.datetime | None  # tokens made from it expire by then


def _asked_nobody(_: str) -> bool:
    return False


class Consumer:
    """Verifies and reads assertions that are addressed to this cloud."""

    def __init__(self, entity_id: str, trusted: Trusted, at: clock.Clock | None = None) -> None:
        self._entity_id, self._trusted, self._clock = entity_id, trusted, at or clock.Clock()

    def read(self, document: bytes, recipient: str, is_ours: Callable[[str], bool] = _asked_nobody) -> SamlAssertion:
        """The assertion of a Response, alone or in a SOAP envelope; `recipient` is the URL it must be addressed to.

        `is_ours` returns whether this cloud made the request of an id; an unsolicited assertion is accepted too.

        Raises Invalid when it is not SAML, Unauthenticated when it is not valid or not trusted.
        """
        now = self._clock.now()
        response = _response(parsed(document))
        status = [code.get('Value') for code in found(response, 'samlp:Status', 'samlp:StatusCode')]
        if status != [SUCCESS]:
            raise refused('says that the login failed')
        if response.get('Destination', recipient) != recipient:
            raise refused('is addressed to another destination')
        claimed = found(response, 'saml:Assertion')
        if len(claimed) != 1 or found(response, 'saml:EncryptedAssertion'):
            raise refused('does not have exactly one unencrypted assertion')
        issuer = _one(claimed[0], 'saml:Issuer')
        assertion = checked(claimed[0], self._trusted.certificates(issuer, now), now)
        if assertion is None or _one(assertion, 'saml:Issuer') != issuer:
            raise refused('is not signed by an identity provider that this cloud knows')
        try:
            return self._heard(assertion, issuer, _Place(recipient, is_ours, now))
        except ValueError:
            raise refused('has a time that is not valid') from None

    def _heard(self, assertion: Any, issuer: str, place: '_Place') -> SamlAssertion:
        now = place.now
        if assertion.get('Version') != '2.0':
            raise refused('is not SAML 2.0')
        until = min(place.confirmed(assertion), self._conditions(assertion, now))
        if until - now > LONGEST:
            raise refused('is valid for longer than a day')
        ends = [
            moment(login.get('SessionNotOnOrAfter'))
            for login in found(assertion, 'saml:AuthnStatement')
            if login.get('SessionNotOnOrAfter')
        ]
        if not found(assertion, 'saml:AuthnStatement') or any(end <= now for end in ends):
            raise refused('is of a session that has ended')
        attributes = _attributes(assertion)
        attributes |= {ISSUER: [issuer], SUBJECT: [_one(assertion, 'saml:Subject', 'saml:NameID')]}
        mark = hashlib.sha256(f'{issuer}\n{assertion.get("ID")}'.encode()).hexdigest()
        return SamlAssertion(issuer, attributes, mark, until + SKEW, min(ends, default=None))

    def _conditions(self, assertion: Any, now: datetime.datetime) -> datetime.datetime:
        """The end of the assertion's conditions.  Raises Unauthenticated when they are not met."""
        ends = datetime.datetime.max - SKEW
        for conditions in found(assertion, 'saml:Conditions'):
            _check_start(conditions, now)
            if conditions.get('NotOnOrAfter'):
                ends = min(ends, moment(conditions.get('NotOnOrAfter')))
            for condition in conditions.iterchildren('*'):
                if condition.tag not in CONDITIONS:
                    raise refused('has a condition that this cloud does not know')
            for audience in found(conditions, 'saml:AudienceRestriction'):
                if self._entity_id not in map(text, found(audience, 'saml:Audience')):
                    raise refused('is for another audience')
        if ends <= now - SKEW:
            raise refused('is too old')
        return ends


def refused(why: str) -> errors.Unauthenticated:
    """The error for an assertion that is refused."""
    return errors.Unauthenticated(f'The SAML response {why}.')


def _response(root: Any) -> Any:
    """The Response, which is the document itself or the only element in the body of a SOAP envelope."""
    if root.tag == name('samlp:Response'):
        return root
    bodies = found(root, 'soap:Body') if root.tag == name('soap:Envelope') else []
    inside = [child for body in bodies for child in body.iterchildren('*')]
    if len(bodies) != 1 or len(inside) != 1 or inside[0].tag != name('samlp:Response'):
        raise errors.Invalid('The document is not a SAML response.')
    return inside[0]


def _one(root: Any, *path: str) -> str:
    nodes = found(root, *path)
    given = text(nodes[0]) if len(nodes) == 1 else ''
    if not given:
        raise refused(f'does not have exactly one {path[-1].partition(":")[2]}')
    return given


@dataclasses.dataclass(frozen=True)
class _Place:
    """The URL and the time at which an assertion is received."""

    url: str
    is_ours: Callable[[str], bool]
    now: datetime.datetime

    def confirmed(self, assertion: Any) -> datetime.datetime:
        """The end of the bearer confirmation.  Raises Unauthenticated when none is valid for this URL and time."""
        for confirmation in found(assertion, 'saml:Subject', 'saml:SubjectConfirmation'):
            if confirmation.get('Method') != BEARER:
                continue
            for data in found(confirmation, 'saml:SubjectConfirmationData'):
                ends = self._end(data)
                if ends is not None and ends > self.now - SKEW:
                    return ends
        raise refused('has expired, or is addressed to another recipient')

    def _end(self, data: Any) -> datetime.datetime | None:
        """The end of the confirmation, None when it is not addressed to this recipient."""
        answered = data.get('InResponseTo')
        if answered is not None and not self.is_ours(answered):
            return None
        if data.get('Recipient') != self.url or data.get('NotBefore') is not None or not data.get('NotOnOrAfter'):
            return None
        return moment(data.get('NotOnOrAfter'))


def _check_start(conditions: Any, now: datetime.datetime) -> None:
    if conditions.get('NotBefore') and moment(conditions.get('NotBefore')) > now + SKEW:
        raise refused('is not valid yet')


def _attributes(assertion: Any) -> dict[str, list[str]]:
    """The values of each attribute, in their order."""
    given: dict[str, list[str]] = {}
    for attribute in found(assertion, 'saml:AttributeStatement', 'saml:Attribute'):
        values = [text(value) for value in found(attribute, 'saml:AttributeValue')]
        given.setdefault(attribute.get('Name', ''), []).extend(values)
    return given
