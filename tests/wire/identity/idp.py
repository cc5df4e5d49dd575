"""An identity provider as a cloud meets it: keys of its own, tokens it signs, and what an administrator sets up."""

import base64
import dataclasses
import json
import pathlib
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from nimbus.common.clock import Clock
from nimbus.identity.federation import login
from nimbus.identity.settings.federation import Federation
from nimbus.identity.settings.issuers import Trusted
from nimbus.identity.tokens.payload import EPOCH

ISSUER, AUDIENCE, SECRET = 'https://idp.example/realms/acme', 'nimbus', 'between-the-two-of-us'
DASHBOARD = 'https://dash.example/auth/websso/'
AUTH = '/OS-FEDERATION/identity_providers/{}/protocols/{}/auth'
RULES = [
    {
        'local': [
            {'user': {'name': '{0}', 'id': '{1}'}},
            {'groups': '{2}', 'domain': {'id': 'default'}},
        ],
        'remote': [{'type': f'HTTP_OIDC_{name}'} for name in ('NAME', 'SUB', 'GROUPS')],
    }
]


def rsa_key(bits: int = 2048) -> Any:
    return rsa.generate_private_key(65537, bits)


RSA, EC = rsa_key(), ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    """The public part of a key as a JWK."""
    algorithm = jwt.algorithms.RSAAlgorithm if hasattr(key, 'key_size') and key.key_size > 1000 else None
    made = (algorithm or jwt.algorithms.ECAlgorithm).to_jwk(key.public_key(), as_dict=True)
    return {**made, 'use': 'sig', **more}


@dataclasses.dataclass
class Idp:
    """One identity provider of a cloud."""

    cloud: Any
    jwks: pathlib.Path

    def keys(self, *keys: dict[str, Any]) -> None:
        """It publishes these keys."""
        self.jwks.write_text(json.dumps({'keys': list(keys)}))

    def claims(self, **more: Any) -> dict[str, Any]:
        """What a token of alice says."""
        now = int((Clock().now() - EPOCH).total_seconds())
        told = {
            'iss': ISSUER,
            'aud': AUDIENCE,
            'sub': 'alice-7',
            'name': 'alice',
            'groups': ['devs'],
            'iat': now,
            'exp': now + 300,
            **more,
        }
        return {name: value for name, value in told.items() if value is not None}

    def token(self, key: Any = RSA, algorithm: str = 'RS256', headers: Any = None, **more: Any) -> str:
        """A token that it signed."""
        return jwt.encode(self.claims(**more), key, algorithm, headers={'kid': 'one'} if headers is None else headers)

    def login(self, token: str | None = None, name: str = 'acme', protocol: str = 'openid', **headers: str) -> Any:
        """The answer to a login by a token, or by headers alone."""
        if token is not None:
            headers['authorization'] = f'Bearer {token}'
        return self.cloud('POST', AUTH.format(name, protocol), None, '', **headers)

    def front(self, method: str = 'POST', path: str = AUTH.format('acme', 'openid'), **more: str) -> Any:
        """The answer to a request that came through the trusted front."""
        sent = {'oidc_name': 'alice', 'oidc_sub': 'alice-7', 'oidc_groups': 'devs', 'oidc_iss': ISSUER, **more}
        sent = {'x_federation_secret': SECRET, **sent}
        return self.cloud(method, path, None, '', **{name: value for name, value in sent.items() if value})

    def configure(self, **more: Any) -> None:
        """The cloud is configured so, from now on."""
        trusted = Trusted('acme', ISSUER, (AUDIENCE,), jwks_file=str(self.jwks), algorithms=('RS256', 'ES256'))
        values: dict[str, Any] = {
            'assertion_prefix': 'HTTP_OIDC_',
            'trusted_front_secret': SECRET,
            'remote_id_attribute': 'HTTP_OIDC_ISS',
            'trusted_dashboard': (DASHBOARD,),
            'issuers': (trusted,),
            **more,
        }
        parts = self.cloud.parts
        issuer = parts.extra['identity']
        issuer.settings = dataclasses.replace(issuer.settings, federation=Federation(**values))
        parts.extra['federation'] = login.enrol(issuer, parts.db)

    def rules(self, rules: Any, version: str = '1.0') -> None:
        """Its mapping has these rules."""
        body = {'mapping': {'rules': rules, 'schema_version': version}}
        assert self.cloud('PATCH', '/OS-FEDERATION/mappings/acme', body).status == 200

    def set(self, **values: Any) -> None:
        """The identity provider has the values."""
        path = '/OS-FEDERATION/identity_providers/acme'
        assert self.cloud('PATCH', path, {'identity_provider': values}).status == 200


def set_up(cloud: Any, directory: pathlib.Path) -> Idp:
    """An identity provider that the cloud trusts, whose users in `devs` are members of the project `lab`."""
    made = Idp(cloud, directory / 'jwks.json')
    made.keys(jwk(RSA, kid='one'), jwk(EC, kid='two'))
    made.configure()
    for path, body in (
        ('mappings/acme', {'mapping': {'rules': RULES}}),
        ('identity_providers/acme', {'identity_provider': {'enabled': True, 'remote_ids': [ISSUER]}}),
        ('identity_providers/acme/protocols/openid', {'protocol': {'mapping_id': 'acme'}}),
    ):
        answer = cloud('PUT', f'/OS-FEDERATION/{path}', body)
        assert answer.status == 201, answer.data
    return made


def unsigned(claims: dict[str, Any]) -> str:
    """A token that nobody signed."""
    parts = [json.dumps(part).encode() for part in ({'alg': 'none', 'typ': 'JWT'}, claims)]
    return '.'.join(base64.urlsafe_b64encode(part).rstrip(b'=').decode() for part in parts) + '.'
