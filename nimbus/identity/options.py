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

# Where files are, below state_path, unless an option says so.
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
    revocation_patience: float = 30.0
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
            help='Directory of the keys that tokens are sealed with; empty means token-keys under state_path.',
        ),
        cfg.StrOpt(
            'token_format',
            default=_DEFAULT.token_format,
            choices=[
                ('fernet', 'sealed with a key that every API host has'),
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
            help='Seconds between two looks for new public keys; rotate no more often than that.',
        ),
        cfg.IntOpt('token_expiration', default=_DEFAULT.token_expiration, min=1, help='Seconds a token lives.'),
        cfg.IntOpt(
            'allow_expired_window',
            default=_DEFAULT.allow_expired_window,
            min=0,
            help='Seconds after its end in which a service may still ask what a token was.',
        ),
        cfg.IntOpt(
            'bcrypt_rounds',
            default=_DEFAULT.bcrypt_rounds,
            min=4,
            max=31,
            help='Cost of a password hash; each step doubles it.',
        ),
        cfg.IntOpt(
            'max_password_length', default=_DEFAULT.max_password_length, min=1, help='Characters a password may have.'
        ),
        cfg.IntOpt(
            'password_threads',
            default=_DEFAULT.password_threads,
            min=0,
            help='Passwords hashed at the same time; 0 means one for each processor.',
        ),
        cfg.IntOpt(
            'password_waiting',
            default=_DEFAULT.password_waiting,
            min=0,
            help='Logins that may wait for their turn to be hashed; one more is answered 503.',
        ),
        cfg.IntOpt(
            'cache_size',
            default=_DEFAULT.cache_size,
            min=1,
            help='Validated tokens that a process remembers.',
        ),
        cfg.FloatOpt(
            'revocation_interval',
            default=_DEFAULT.revocation_interval,
            min=0.01,
            help='Seconds between two looks for revoked tokens.',
        ),
        cfg.FloatOpt(
            'revocation_patience',
            default=_DEFAULT.revocation_patience,
            min=0.1,
            help='Seconds without news of revocations after which tokens are refused rather than guessed at.',
        ),
        cfg.IntOpt(
            'application_credential_limit',
            default=_DEFAULT.application_credential_limit,
            min=-1,
            help='Application credentials a user may have; -1 means any number.',
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
            help='Credentials a user may have; -1 means any number.',
        ),
        cfg.IntOpt(
            'credential_auth_ttl',
            default=_DEFAULT.credential_auth_ttl,
            min=1,
            help='Seconds for which a request signed with an EC2 credential is good.',
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
            help='Times that a trust may be passed on from one trustee to the next.',
        ),
    ],
    'security_compliance': [
        cfg.IntOpt(
            'disable_user_account_days_inactive',
            min=1,
            help='Days without a login by password after which a user counts as disabled; without it nobody does.',
        ),
        cfg.IntOpt(
            'lockout_failure_attempts',
            min=1,
            help='Wrong passwords in a row after which an account is locked; without it none ever is.',
        ),
        cfg.IntOpt('lockout_duration', default=1800, min=1, help='Seconds an account stays locked.'),
        cfg.IntOpt(
            'password_expires_days',
            min=1,
            help='Days a new password lasts; without it none ends. Passwords that were set before are not touched.',
        ),
        cfg.IntOpt(
            'unique_last_password_count',
            default=0,
            min=0,
            help='Passwords, the present one among them, that a user may not choose again; 0 means any may come again.',
        ),
        cfg.IntOpt(
            'minimum_password_age',
            default=0,
            min=0,
            help='Days a password that a user chose must be used before the user may change it.',
        ),
        cfg.StrOpt('password_regex', help='A regular expression that every new password must match.'),
        cfg.StrOpt(
            'password_regex_description',
            help='What password_regex asks for, in words: shown to whoever chooses a password that does not match.',
        ),
        cfg.BoolOpt(
            'change_password_upon_first_use',
            default=False,
            help='Whether a password that an administrator set only serves to choose another one.',
        ),
    ],
    'totp': [
        cfg.IntOpt(
            'included_previous_windows',
            default=_DEFAULT.totp_windows,
            min=0,
            max=10,
            help='Windows of 30 seconds before the present one whose passcodes are still good.',
        ),
    ],
    'receipt': [
        cfg.IntOpt(
            'expiration',
            default=_DEFAULT.receipt_expiration,
            min=0,
            max=86400,
            help='Seconds within which a login of several steps must be finished.',
        ),
    ],
    'cache': [
        cfg.StrOpt(
            'backend',
            default=_DEFAULT.cache_backend,
            choices=[
                ('memory', 'each process remembers the tokens it has seen'),
                ('memcached', 'and asks memcached about one it has not seen before it asks the database'),
            ],
            help='Where it is remembered what a token speaks for.',
        ),
        cfg.ListOpt('servers', default=[], help='Each memcached as HOST:PORT; the same on every host.'),
        cfg.StrOpt(
            'secret',
            default=_DEFAULT.cache_secret,
            secret=True,
            help='What is kept in memcached is sealed with this; long, random, and the same on every host.',
        ),
    ],
}
