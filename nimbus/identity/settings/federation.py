"""The options of federation, and their values as one object.

An issuer of bearer tokens has a group of its own, `[openid:NAME]`, named in `[federation] token_issuers`.
"""

import dataclasses
from typing import Any, Self

from oslo_config import cfg

from nimbus.common import errors
from nimbus.identity.settings.issuers import Trusted

MAPPING_VERSIONS = ('1.0', '2.0', '3.0')  # of the language of rules, oldest first

ISSUER = [
    cfg.StrOpt('issuer', default='', help='What `iss` of its tokens is; a remote id of an identity provider.'),
    cfg.ListOpt('audience', default=[], help='What `aud` of its tokens must have one of: they are for this cloud.'),
    cfg.StrOpt('jwks_file', default='', help='A file with its public keys, a JWK set; it is read again when needed.'),
    cfg.StrOpt('jwks_url', default='', help='The https URL of its public keys, where no jwks_file is told.'),
    cfg.StrOpt('jwks_ca_file', default='', help="A file of the certificates that the URL's server is checked by."),
    cfg.ListOpt('algorithms', default=['RS256', 'ES256'], help='How its tokens may be signed.'),
    cfg.IntOpt('leeway', default=30, min=0, max=600, help='Seconds that its clock and this one may be apart.'),
]


@dataclasses.dataclass(frozen=True)
class Federation:
    """The values of the [federation] group, and of the smaller ones beside it."""

    assertion_prefix: str = ''
    trusted_front_secret: str = dataclasses.field(default='', repr=False)
    trusted_front_addresses: tuple[str, ...] = ()
    remote_id_attribute: str | None = None
    remote_id_attributes: tuple[tuple[str, str], ...] = ()  # by protocol, where they differ
    trusted_dashboard: tuple[str, ...] = ()
    sso_callback_template: str = ''
    default_authorization_ttl: int = 0
    attribute_mapping_default_schema_version: str = MAPPING_VERSIONS[0]
    issuers: tuple[Trusted, ...] = ()

    @classmethod
    def of(cls, conf: Any) -> Self:
        """The values of a loaded configuration.  Raises Invalid when they do not fit together."""
        apart = ('issuers', 'remote_id_attributes')
        names = [field.name for field in dataclasses.fields(cls) if field.name not in apart]
        values = {name: getattr(conf.federation, name) for name in names}
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        told = [(name, getattr(conf, name).remote_id_attribute) for name in PROTOCOLS]
        issuers = tuple(_issuer(conf, name) for name in conf.federation.token_issuers)
        return cls(**values, issuers=issuers, remote_id_attributes=tuple((n, v) for n, v in told if v))


def _issuer(conf: Any, name: str) -> Trusted:
    group = f'openid:{name}'
    conf.register_opts(ISSUER, group=group)
    try:
        values = {opt.dest: conf[group][opt.dest] for opt in ISSUER}
    except ValueError as why:
        raise errors.Invalid(f'[{group}] cannot be read: {why}.') from why
    lists = ('audience', 'algorithms')
    return Trusted(name, **{key: tuple(value) if key in lists else value for key, value in values.items()})


PROTOCOLS = ('saml2', 'openid', 'mapped')
_DEFAULT = Federation()
OPTIONS = {
    'federation': [
        cfg.ListOpt(
            'token_issuers',
            default=[],
            help='The issuers whose signed tokens are taken as bearer tokens; each NAME has a group [openid:NAME].',
        ),
        cfg.StrOpt(
            'assertion_prefix',
            default=_DEFAULT.assertion_prefix,
            help='How the names of the attributes begin that a trusted web server before this one sends as headers, '
            'such as MELLON_ or HTTP_OIDC_. Headers are read only with a trusted_front_secret or '
            'trusted_front_addresses.',
        ),
        cfg.StrOpt(
            'trusted_front_secret',
            default=_DEFAULT.trusted_front_secret,
            secret=True,
            help='What the trusted web server sends as X-Federation-Secret; it removes what clients send under that '
            'name and under those of its attributes.',
        ),
        cfg.ListOpt(
            'trusted_front_addresses',
            default=[],
            help='Addresses or networks that the trusted web server connects from. With a secret both must hold.',
        ),
        cfg.StrOpt(
            'remote_id_attribute',
            help='The attribute in which an assertion tells which identity provider it is from, for protocols that do '
            'not have one of their own.',
        ),
        cfg.MultiStrOpt(
            'trusted_dashboard',
            default=[],
            help='A URL that a dashboard takes tokens at; a login in the browser sends them to no other.',
        ),
        cfg.StrOpt(
            'sso_callback_template',
            default=_DEFAULT.sso_callback_template,
            help='A page with $host and $token that sends a token to a dashboard; empty means the one that is built '
            'in.',
        ),
        cfg.IntOpt(
            'default_authorization_ttl',
            default=_DEFAULT.default_authorization_ttl,
            min=0,
            max=2**31 - 1,
            help='Minutes for which a user stays in the groups that a login told, where the identity provider does '
            'not say; 0 means only as long as the tokens of that login.',
        ),
        cfg.StrOpt(
            'attribute_mapping_default_schema_version',
            default=_DEFAULT.attribute_mapping_default_schema_version,
            choices=list(MAPPING_VERSIONS),
            help='The version of the rules of a mapping that does not tell its own.',
        ),
    ],
    **{
        name: [
            cfg.StrOpt(
                'remote_id_attribute',
                help=f'That of [federation] for protocols that are called {name}.',
            )
        ]
        for name in PROTOCOLS
    },
    'openid:NAME': ISSUER,
}
