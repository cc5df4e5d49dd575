"""The authentication method of federation: evaluates an assertion by a mapping and returns the proof of a user."""

import dataclasses
import datetime
import logging
import urllib.parse
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.clock import Clock
from nimbus.common.database import db
from nimbus.identity.federation import bearer, federated_users, mappings, protocols, providers, provision, rules
from nimbus.identity.federation.trusted_proxy import TrustedProxy
from nimbus.identity.login.auth import Authority
from nimbus.identity.login.proofs import Asked, Proof
from nimbus.identity.models import Group, User
from nimbus.identity.models_federation import IdentityProvider, RemoteId
from nimbus.identity.settings.federation import Federation
from nimbus.identity.tokens import scopes

LOG = logging.getLogger(__name__)
METHODS = ('mapped', 'saml2', 'openid')  # of payload.METHODS: the names under which federated logins are requested
BEARER = 'Bearer '
TRIES = 4  # of storing the user who logged in


@dataclasses.dataclass(frozen=True)
class LoginPath:
    """The identity provider, protocol and mapping of a login."""

    provider: Any
    remote_ids: tuple[str, ...]
    protocol: Any
    mapping: Any


def enrol(issuer: Authority, database: db.Database, clock: Clock | None = None) -> 'Login':
    """Federated users can log in from now on.  Raises Invalid on a bad configuration."""
    settings = issuer.settings.federation
    made = Login(database, settings, issuer.now, bearer.Bearers(settings.issuers, clock), issuer.rescope)
    for name in METHODS:
        issuer.enrol(name, made.method(name))
    return made


class Login:
    """The method that authenticates users by the assertions of identity providers."""

    def __init__(
        self,
        database: db.Database,
        settings: Federation,
        now: Callable[[], datetime.datetime],
        bearers: bearer.Bearers,
        rescope: Callable[[dict[str, Any]], Proof],
    ) -> None:
        """`rescope` returns the proof of a user by an existing token."""
        self._db, self._settings, self._now, self._bearers = database, settings, now, bearers
        self._front, self._rescope = TrustedProxy.of(settings), rescope

    def method(self, name: str) -> Callable[[dict[str, Any], Asked], Proof]:
        """The authentication method under one of its names."""
        return lambda given, asked: self._prove(name, given, asked)

    def _prove(self, name: str, given: dict[str, Any], asked: Asked) -> Proof:
        if 'id' in given:
            proof = self._rescope(given)
            if not proof.marks.get('identity_provider_id'):
                raise errors.Unauthenticated('The token is not one of a federated login.')
            return dataclasses.replace(proof, methods=tuple(one for one in proof.methods if one != 'token'))
        for attribute in ('identity_provider', 'protocol'):
            if not isinstance(given.get(attribute), str):
                raise scopes.missing(attribute, 'mapped')
        with self._db.read() as tx:
            way = self._way(tx, given['identity_provider'], given['protocol'])
        proof = self._mapped(way, self._assertion(way, asked), name)
        return dataclasses.replace(proof, ends=asked.vouched.ends) if asked.vouched else proof

    def _mapped(self, way: LoginPath, assertion: dict[str, list[str]], name: str) -> Proof:
        try:
            mapped = rules.evaluate(way.mapping.id, way.mapping.rules, way.mapping.schema_version, assertion)
        except errors.Unauthenticated as why:
            # Only the names are logged: the values are personal data.
            known = ', '.join(sorted(assertion))[:2000]
            LOG.info('Mapping %s finds no user for the attributes %s: %s', way.mapping.id, known, why)
            raise
        if mapped.kind == rules.LOCAL:
            return Proof(self._local(mapped), (name,))
        for _ in range(TRIES - 1):
            try:
                return self._ephemeral(way, mapped, name)
            except errors.Transient:
                continue  # the same user logged in for the first time at the same moment
        return self._ephemeral(way, mapped, name)

    def _way(self, tx: db.Tx, provider_id: str, protocol_id: str) -> LoginPath:
        """Raises NotFound, and Forbidden when the identity provider is disabled."""
        provider = providers.show(tx, provider_id)
        if not provider.enabled:
            raise errors.Forbidden(f'Identity Provider {provider_id} is disabled')
        protocol = protocols.show(tx, provider_id, protocol_id)
        remote_ids = tuple(providers.remote_ids_of(tx, [provider_id])[provider_id])
        return LoginPath(provider, remote_ids, protocol, mappings.show(tx, protocol.mapping_id))

    def _assertion(self, way: LoginPath, asked: Asked) -> dict[str, list[str]]:
        """The assertion of the request.  Raises Unauthenticated, Forbidden when another identity provider made it."""
        if asked.vouched is not None:
            if asked.vouched.issuer not in way.remote_ids:
                raise _not_accepted()
            return asked.vouched.attributes
        # A trusted front that sends attributes has authenticated the user, perhaps by the bearer token it passes on.
        attributes = self._front.attributes(asked)
        header = asked.headers.get('Authorization', '')
        if attributes:
            found = rules.split(attributes)
        elif header[: len(BEARER)].lower() == BEARER.lower():
            given = self._bearers.claims(header[len(BEARER) :].strip(), set(way.remote_ids))
            found = bearer.assertion(given)
        else:
            raise errors.Unauthenticated(
                'There is no assertion: send a token of the identity provider as Authorization: Bearer, or come '
                'through the web server that is trusted to check who you are.'
            )
        self._check_sender(way, found)
        return found

    def _check_sender(self, way: LoginPath, assertion: dict[str, list[str]]) -> None:
        """Raises Unauthenticated or Forbidden when the assertion is not one of this identity provider's."""
        attribute = self.remote_id_attribute(way.protocol)
        if not attribute or not way.remote_ids:
            return
        text = ';'.join(assertion.get(attribute, []))
        if not text:
            raise errors.Unauthenticated('Could not find Identity Provider identifier in environment')
        if text not in way.remote_ids:
            raise _not_accepted()

    def remote_id_attribute(self, protocol: Any) -> str | None:
        """The attribute of an assertion with the remote id of its identity provider."""
        given = dict(self._settings.remote_id_attributes).get(protocol.id)
        return protocol.remote_id_attribute or given or self._settings.remote_id_attribute

    def provider_of(self, protocol_id: str, asked: Asked) -> str:
        """The id of the identity provider that made the assertion.  Raises Unauthenticated and NotFound."""
        attributes = self._front.attributes(asked) or {}
        with self._db.read() as tx:
            for protocol in protocols.called(tx, protocol_id):
                given = attributes.get(self.remote_id_attribute(protocol) or '')
                if given:
                    query = sa.select(RemoteId.identity_provider_id).where(RemoteId.remote_id == given)
                    found = tx.scalar(query)
                    if found is None:
                        raise errors.NotFound(f'Could not find Identity Provider: {given[:255]}.')
                    return found
        raise errors.Unauthenticated('Missing entity ID from environment')

    def _local(self, mapped: rules.Mapped) -> str:
        """The id of the local user that the mapping names."""
        user = mapped.user
        with self._db.read() as tx:
            if user.get('id'):
                found = tx.scalar(sa.select(User.id).where(User.id == user['id']))
            else:
                home = scopes.home_id(tx, user['domain']) if user.get('domain') else None
                where = (User.name == user.get('name', ''), User.domain_id == (home or ''))
                found = tx.scalar(sa.select(User.id).where(*where))
        if found is None:
            raise errors.Unauthenticated('The mapping names a local user who does not exist.')
        return found

    def _ephemeral(self, way: LoginPath, mapped: rules.Mapped, name: str) -> Proof:
        with self._db.read() as tx:
            who = self._shadow(tx, way, mapped)
            group_ids = _group_ids(tx, mapped, way.mapping.id)
            wanted = provision.resolve(tx, mapped.projects, way.provider.domain_id, who.domain_id, way.provider.id)
            version, minutes = way.mapping.schema_version, self._minutes(way.provider)
            user_id = federated_users.find(tx, who)
            done = (
                user_id is not None
                and not minutes
                and federated_users.is_known(tx, who, self._now())
                and provision.is_done(tx, user_id, wanted, version)
            )
        if not done:
            with self._db.write() as tx:
                self._still_there(tx, way)
                user_id = federated_users.keep(tx, who, self._now())
                if minutes:
                    federated_users.join(tx, way.provider.id, user_id, group_ids, minutes, self._now())
                provision.provide(tx, user_id, wanted, version)
        marks = {
            'identity_provider_id': way.provider.id,
            'protocol_id': way.protocol.id,
            'group_ids': tuple(group_ids),
        }
        return Proof(user_id or '', (name,), marks=marks)

    def _minutes(self, provider: Any) -> int:
        given = provider.authorization_ttl
        return self._settings.default_authorization_ttl if given is None else given

    def _still_there(self, tx: db.Tx, way: LoginPath) -> None:
        """Raises Forbidden when the identity provider was deleted or disabled since the login began."""
        where = (IdentityProvider.id == way.provider.id, IdentityProvider.enabled.is_(True))
        if tx.scalar(sa.select(IdentityProvider.seq).where(*where)) is None:
            raise errors.Forbidden(f'Identity Provider {way.provider.id} is disabled')

    def _shadow(self, tx: db.Tx, way: LoginPath, mapped: rules.Mapped) -> federated_users.Shadow:
        """The federated user from the mapping's result.  Raises Unauthenticated when it names none."""
        user = mapped.user
        name = user.get('name') or user.get('id')
        if not name:
            raise errors.Unauthenticated(
                'Could not map user while setting ephemeral user identity. Either mapping rules must specify user '
                'id/name or REMOTE_USER environment variable must be set.'
            )
        domain_id = scopes.home_id(tx, user['domain']) if user.get('domain') else way.provider.domain_id
        if not domain_id or scopes.domain_id(tx, {'id': domain_id}) is None:
            raise errors.Unauthenticated('The domain that the mapping names for the user does not exist.')
        unique_id, email = urllib.parse.quote(user.get('id') or name), user.get('email') or None
        federated_users.check_size(unique_id, name, email or '')
        return federated_users.Shadow(way.provider.id, way.protocol.id, unique_id, name, domain_id, email)


def _not_accepted() -> errors.Forbidden:
    return errors.Forbidden('Incoming identity provider identifier not included among the accepted identifiers.')


def _group_ids(tx: db.Tx, mapped: rules.Mapped, mapping_id: str) -> list[str]:
    """The ids of the mapped groups; those given by name only where they exist.  Raises Unauthenticated."""
    wanted = list(mapped.group_ids)
    known = set(tx.column(sa.select(Group.id).where(Group.id.in_(wanted)))) if wanted else set()
    for group_id in wanted:
        if group_id not in known:
            LOG.warning('Mapping %s puts a user into group %s, which does not exist', mapping_id, group_id)
            raise errors.Unauthenticated(
                f'Group {group_id} returned by mapping {mapping_id} was not found in the backend.'
            )
    homes: dict[Any, str | None] = {}
    for name, domain in mapped.groups:
        if domain not in homes:
            homes[domain] = scopes.home_id(tx, dict(domain)) if domain else None
        if homes[domain]:
            found = tx.scalar(sa.select(Group.id).where(Group.name == name, Group.domain_id == homes[domain]))
            wanted += [found] if found else []
    return list(dict.fromkeys(wanted))
