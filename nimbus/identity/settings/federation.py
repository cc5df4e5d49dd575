"""The options of federation, and their values as one object.

An issuer of bearer tokens has a group of its own, `[openid:NAME]`, named in `[federation] token_issuers`.
"""

import dataclasses
from typing import Any, Self

from oslo_config import cfg

from nimbus.common import errors
from nimbus.identity.settings.issuers import Trusted

MAPPING_VERSIONS = ('1.0', '2.0', '3.0')  # schema versions of mapping rules, oldest first

ISSUER = [
    cfg.StrOpt('issuer', default='', help='The `iss` of its tokens, which is a remote id of an identity provider.'),
    cfg.ListOpt(
        'audience',
        default=[],
        help='Audiences, of which `aud` of its tokens must have one: such tokens are for this cloud.',
    ),
    cfg.StrOpt('jwks_file', default='', help='File with its public keys, a JWK set; it is read again when needed.'),
    cfg.StrOpt('jwks_url', default='', help='The https URL of its public keys, where no jwks_file is set.'),
    cfg.StrOpt('jwks_ca_file', default='', help="File of the CA certificates that the URL's server is verified with."),
    cfg.ListOpt('algorithms', default=['RS256', 'ES256'], help='Algorithms that its tokens may be signed with.'),
    cfg.IntOpt('leeway', default=30, min=0, max=600, help='Seconds by which its clock and this one may differ.'),
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
        given = [(name, getattr(conf, name).remote_id_attribute) for name in PROTOCOLS]
        issuers = tuple(_issuer(conf, name) for name in conf.federation.token_issuers)
        return cls(**values, issuers=issuers, remote_id_attributes=tuple((n, v) for n, v in given if v))


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
            help='Trusted issuers of signed bearer tokens; each NAME has a group [openid:NAME].',
        ),
        cfg.StrOpt(
            'assertion_prefix',
            default=_DEFAULT.assertion_prefix,
            help='Prefix of the names of the attributes that a trusted web server before this one sends as headers, '
            'such as MELLON_ or HTTP_OIDC_. Headers are read only with a trusted_front_secret or '
            'trusted_front_addresses.',
        ),
        cfg.StrOpt(
            'trusted_front_secret',
            default=_DEFAULT.trusted_front_secret,
            secret=True,
            help='Secret that the trusted web server sends as X-Federation-Secret; the server must remove that header '
            'and those of its attributes from what clients send.',
        ),
        cfg.ListOpt(
            'trusted_front_addresses',
            default=[],
            help='Addresses or networks that the trusted web server connects from. With a secret both must match.',
        ),
        cfg.StrOpt(
            'remote_id_attribute',
            help='Attribute of an assertion with the remote id of its identity provider, for protocols that do not '
            'set their own.',
        ),
        cfg.MultiStrOpt(
            'trusted_dashboard',
            default=[],
            help='A URL of a dashboard that tokens may be posted to after a login in the browser (WebSSO).',
        ),
        cfg.StrOpt(
            'sso_callback_template',
            default=_DEFAULT.sso_callback_template,
            help='File of a page with $host and $token that posts a token to a dashboard; empty means the one built '
            'in.',
        ),
        cfg.IntOpt(
            'default_authorization_ttl',
            default=_DEFAULT.default_authorization_ttl,
            min=0,
            max=2**31 - 1,
            help='Minutes for which a user stays in the groups of a login, where the identity provider has no '
            'authorization_ttl; 0 means only as long as the tokens of that login.',
        ),
        cfg.StrOpt(
            'attribute_mapping_default_schema_version',
            default=_DEFAULT.attribute_mapping_default_schema_version,
            choices=list(MAPPING_VERSIONS),
            help='The schema version of a mapping that does not set its own.',
        ),
    ],
    **{
        name: [
            cfg.StrOpt(
                'remote_id_attribute',
                help=f'Overrides that of [federation] for protocols with the id {name}.',
            )
        ]
        for name in PROTOCOLS
    },
    'openid:NAME': ISSUER,
}
