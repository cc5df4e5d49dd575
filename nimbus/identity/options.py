"""Identity's options, and their values as one object that is handed down.

`parts.extra['identity']` holds the `auth.Authority` of a process that serves identity; the API makes it from
these options where nobody did.
"""

import dataclasses
import pathlib
from typing import Any, Self

from oslo_config import cfg

from nimbus.identity.settings import federation as federation_options
from nimbus.identity.settings import ldap, saml
from nimbus.identity.settings import oauth as oauth_options
from nimbus.identity.settings.compliance import Compliance
from nimbus.identity.settings.federation import Federation
from nimbus.identity.settings.oauth import OAuth

# Default paths of files, below state_path.
PLACES = {
    'key_repository': 'token-keys',
    'credential_key_repository': 'credential-keys',
    'jws_key_repository': 'token-signing-keys',
    'jws_public_keys': 'token-public-keys.json',
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """The values of the [identity] group, and of the smaller ones beside it."""

    key_repository: str = ''
    token_format: str = 'fernet'
    jws_key_repository: str = ''
    jws_public_keys: str = ''
    jws_keys_url: str = ''
    jws_fetch_interval: float = 60.0
    token_expiration: int = 3600
    allow_expired_window: int = 172800
    bcrypt_rounds: int = 12
    max_password_length: int = 4096
    password_threads: int = 0
    password_waiting: int = 64
    cache_size: int = 20000
    revocation_interval: float = 0.5
    revocation_timeout: float = 30.0
    application_credential_limit: int = -1
    credential_key_repository: str = ''
    credential_limit: int = -1
    credential_auth_ttl: int = 900
    limit_model: str = 'flat'
    max_redelegation_count: int = 3
    compliance: Compliance = Compliance()
    federation: Federation = Federation()
    totp_windows: int = 1
    receipt_expiration: int = 300
    oauth: OAuth = OAuth()
    cache_backend: str = 'memory'
    cache_servers: tuple[str, ...] = ()
    cache_secret: str = dataclasses.field(default='', repr=False)

    @classmethod
    def of(cls, conf: Any) -> Self:
        """The values of a loaded configuration."""
        group = conf.identity
        cache = ('cache_backend', 'cache_servers', 'cache_secret')
        elsewhere = ('compliance', 'federation', 'totp_windows', 'receipt_expiration', 'oauth', *cache)
        values = {f.name: getattr(group, f.name) for f in dataclasses.fields(cls) if f.name not in elsewhere}
        asked = conf.security_compliance
        values['compliance'] = Compliance(**{f.name: getattr(asked, f.name) for f in dataclasses.fields(Compliance)})
        values['federation'] = Federation.of(conf)
        values['totp_windows'] = conf.totp.included_previous_windows
        values['receipt_expiration'] = conf.receipt.expiration
        values['oauth'] = OAuth.of(conf)
        values |= {name: getattr(conf.cache, name.removeprefix('cache_')) for name in cache}
        values['cache_servers'] = tuple(values['cache_servers'])
        state = pathlib.Path(conf.state_path)
        for option, place in PLACES.items():
            values[option] = values[option] or str(state / place)
        return cls(**values)


_DEFAULT = Settings()

OPTIONS = {
    **ldap.OPTIONS,
    **oauth_options.OPTIONS,
    **federation_options.OPTIONS,
    **saml.OPTIONS,
    'identity': [
        cfg.StrOpt(
            'key_repository',
            default=_DEFAULT.key_repository,
            help='Directory of the keys that tokens are encrypted with; empty means token-keys under state_path.',
        ),
        cfg.StrOpt(
            'token_format',
            default=_DEFAULT.token_format,
            choices=[
                ('fernet', 'encrypted with a key that every API host has'),
                ('jws', 'signed with ES256 by identity, checked with its public keys'),
            ],
            help='The kind of tokens that identity issues; those of the other kind stay valid until they expire.',
        ),
        cfg.StrOpt(
            'jws_key_repository',
            default=_DEFAULT.jws_key_repository,
            help='Directory of the private keys that identity signs tokens with; empty means token-signing-keys under '
            'state_path.',
        ),
        cfg.StrOpt(
            'jws_public_keys',
            default=_DEFAULT.jws_public_keys,
            help="File in which a service keeps identity's public keys; empty means token-public-keys.json under "
            'state_path.',
        ),
        cfg.StrOpt(
            'jws_keys_url',
            default=_DEFAULT.jws_keys_url,
            help="Where a service fetches identity's public keys; empty means /v3/auth/keys of the identity endpoint.",
        ),
        cfg.FloatOpt(
            'jws_fetch_interval',
            default=_DEFAULT.jws_fetch_interval,
            min=1,
            help='Seconds between two checks for new public keys; rotate keys no more often than that.',
        ),
        cfg.IntOpt(
            'token_expiration', default=_DEFAULT.token_expiration, min=1, help='Seconds for which a token is valid.'
        ),
        cfg.IntOpt(
            'allow_expired_window',
            default=_DEFAULT.allow_expired_window,
            min=0,
            help='Seconds after its expiry for which a service may still validate a token with allow_expired.',
        ),
        cfg.IntOpt(
            'bcrypt_rounds',
            default=_DEFAULT.bcrypt_rounds,
            min=4,
            max=31,
            help='Cost of a password hash; each step doubles it.',
        ),
        cfg.IntOpt(
            'max_password_length', default=_DEFAULT.max_password_length, min=1, help='Most characters of a password.'
        ),
        cfg.IntOpt(
            'password_threads',
            default=_DEFAULT.password_threads,
            min=0,
            help='Most passwords hashed at the same time; 0 means one for each processor.',
        ),
        cfg.IntOpt(
            'password_waiting',
            default=_DEFAULT.password_waiting,
            min=0,
            help='Most logins that wait for a password to be hashed; one more is answered 503.',
        ),
        cfg.IntOpt(
            'cache_size',
            default=_DEFAULT.cache_size,
            min=1,
            help='Most validated tokens that a process caches.',
        ),
        cfg.FloatOpt(
            'revocation_interval',
            default=_DEFAULT.revocation_interval,
            min=0.01,
            help='Seconds between two checks for revoked tokens.',
        ),
        cfg.FloatOpt(
            'revocation_timeout',
            default=_DEFAULT.revocation_timeout,
            min=0.1,
            help='Seconds for which revocations could not be read after which every token is refused.',
        ),
        cfg.IntOpt(
            'application_credential_limit',
            default=_DEFAULT.application_credential_limit,
            min=-1,
            help='Most application credentials of a user; -1 means no limit.',
        ),
        cfg.StrOpt(
            'credential_key_repository',
            default=_DEFAULT.credential_key_repository,
            help='Directory of the keys that credentials are encrypted with; empty means credential-keys under '
            'state_path.',
        ),
        cfg.IntOpt(
            'credential_limit',
            default=_DEFAULT.credential_limit,
            min=-1,
            help='Most credentials of a user; -1 means no limit.',
        ),
        cfg.IntOpt(
            'credential_auth_ttl',
            default=_DEFAULT.credential_auth_ttl,
            min=1,
            help='Seconds for which a request signed with an EC2 credential is valid.',
        ),
        cfg.StrOpt(
            'limit_model',
            default=_DEFAULT.limit_model,
            choices=['flat', 'strict_two_level'],
            help='Whether a limit of a project may be above that of its domain (flat), or not (strict_two_level).',
        ),
        cfg.IntOpt(
            'max_redelegation_count',
            default=_DEFAULT.max_redelegation_count,
            min=0,
            help='Most times that a trust may be redelegated, from one trustee to the next.',
        ),
    ],
    'security_compliance': [
        cfg.IntOpt(
            'disable_user_account_days_inactive',
            min=1,
            help='Days without a login by password after which a user counts as disabled; unset means never.',
        ),
        cfg.IntOpt(
            'lockout_failure_attempts',
            min=1,
            help='Wrong passwords in a row after which an account is locked; unset means never.',
        ),
        cfg.IntOpt('lockout_duration', default=1800, min=1, help='Seconds for which an account stays locked.'),
        cfg.IntOpt(
            'password_expires_days',
            min=1,
            help='Days after which a new password expires; unset means never. Earlier passwords keep their expiry.',
        ),
        cfg.IntOpt(
            'unique_last_password_count',
            default=0,
            min=0,
            help='Latest passwords, the current one among them, that a user may not reuse; 0 means none.',
        ),
        cfg.IntOpt(
            'minimum_password_age',
            default=0,
            min=0,
            help='Days for which a user must keep a password of his own choice before he may change it.',
        ),
        cfg.StrOpt('password_regex', help='A regular expression that every new password must match.'),
        cfg.StrOpt(
            'password_regex_description',
            help='What password_regex requires, in words: shown to a user whose new password does not match.',
        ),
        cfg.BoolOpt(
            'change_password_upon_first_use',
            default=False,
            help='Whether a user must change a password that an administrator has set before logging in with it.',
        ),
    ],
    'totp': [
        cfg.IntOpt(
            'included_previous_windows',
            default=_DEFAULT.totp_windows,
            min=0,
            max=10,
            help='Number of 30-second windows before the current one whose passcodes are still accepted.',
        ),
    ],
    'receipt': [
        cfg.IntOpt(
            'expiration',
            default=_DEFAULT.receipt_expiration,
            min=0,
            max=86400,
            help='Seconds for which an auth receipt is valid: a multi-factor login must be finished within them.',
        ),
    ],
    'cache': [
        cfg.StrOpt(
            'backend',
            default=_DEFAULT.cache_backend,
            choices=[
                ('memory', 'each process caches the tokens it has validated'),
                ('memcached', 'and asks memcached for others before it asks the database'),
            ],
            help='Where validated tokens are cached.',
        ),
        cfg.ListOpt('servers', default=[], help='The memcached servers, each as HOST:PORT; the same on every host.'),
        cfg.StrOpt(
            'secret',
            default=_DEFAULT.cache_secret,
            secret=True,
            help='Secret that values in memcached are encrypted with; long, random, and the same on every host.',
        ),
    ],
}
