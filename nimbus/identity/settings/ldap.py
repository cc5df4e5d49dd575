"""The options of an LDAP directory: how it is connected to, and which attributes of its entries mean what."""

import dataclasses
from typing import Any, Self

from oslo_config import cfg

from nimbus.common import errors

Texts = tuple[str, ...]
NO_REFERRALS = 'can only be false: referrals to other directories are not followed'


@dataclasses.dataclass(frozen=True)
class Ldap:
    """The values of the [ldap] group, or of a domain's own."""

    url: str = 'ldap://localhost'
    randomize_urls: bool = False
    user: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    suffix: str = 'cn=example,cn=com'
    query_scope: str = 'one'
    page_size: int = 0
    alias_dereferencing: str = 'default'
    chase_referrals: bool = False
    user_tree_dn: str | None = None
    user_filter: str | None = None
    user_objectclass: str = 'inetOrgPerson'
    user_id_attribute: str = 'cn'
    user_name_attribute: str = 'sn'
    user_mail_attribute: str = 'mail'
    user_description_attribute: str = 'description'
    user_default_project_id_attribute: str | None = None
    user_enabled_attribute: str | None = 'enabled'
    user_enabled_invert: bool = False
    user_enabled_mask: int = 0
    user_enabled_default: str = 'True'
    user_enabled_emulation: bool = False
    user_enabled_emulation_dn: str | None = None
    user_enabled_emulation_use_group_config: bool = False
    user_attribute_ignore: Texts = ('default_project_id',)
    user_additional_attribute_mapping: Texts = ()
    group_tree_dn: str | None = None
    group_filter: str | None = None
    group_objectclass: str = 'groupOfNames'
    group_id_attribute: str = 'cn'
    group_name_attribute: str = 'ou'
    group_member_attribute: str = 'member'
    group_members_are_ids: bool = False
    group_desc_attribute: str = 'description'
    group_attribute_ignore: Texts = ()
    group_additional_attribute_mapping: Texts = ()
    group_ad_nesting: bool = False
    use_tls: bool = False
    tls_cacertfile: str | None = None
    tls_cacertdir: str | None = None
    tls_req_cert: str = 'demand'
    connection_timeout: int = 5
    use_pool: bool = True
    pool_size: int = 10
    pool_retry_max: int = 3
    pool_retry_delay: float = 0.1
    pool_connection_timeout: int = -1
    pool_connection_lifetime: int = 600
    use_auth_pool: bool = True
    auth_pool_size: int = 100
    auth_pool_connection_lifetime: int = 60
    domain: str = ''

    @classmethod
    def of(cls, group: Any) -> Self:
        """The values of a loaded configuration's group.  Raises LookupError on one that is not supported."""
        given = {field.name: getattr(group, field.name) for field in dataclasses.fields(cls)}
        if given['chase_referrals']:
            raise LookupError(f'[ldap] chase_referrals {NO_REFERRALS}.')
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})

    def overlaid(self, given: dict[str, Any]) -> Self:
        """These values overlaid with a domain's own.  Raises Unavailable on one of a wrong type or out of range."""
        kinds = {field.name: field.type for field in dataclasses.fields(self)}
        try:
            changes = {name: _cast(name, kinds[name], value) for name, value in given.items() if name in kinds}
        except ValueError:
            raise errors.Unavailable(
                'The directory of this domain cannot be asked: its configuration is wrong.'
            ) from None
        return dataclasses.replace(self, **changes)

    def seconds(self) -> int:
        """Seconds that a connection, and then each answer, may take."""
        given = self.pool_connection_timeout
        return given if self.use_pool and given > 0 else self.connection_timeout


def _cast(name: str, kind: Any, value: Any) -> Any:
    if kind == Texts:
        parts = value if isinstance(value, list) else str(value or '').split(',')
        return tuple(part for part in (str(part).strip() for part in parts) if part)
    if value is None:
        return getattr(_DEFAULT, name)
    if kind is bool:
        text = str(value).lower()
        if text not in ('true', 'false', '1', '0'):
            raise ValueError(value)
        return text in ('true', '1')
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(value)
    if kind not in (int, float):
        return str(value)
    number = kind(value)
    if number < LEAST.get(name, 0):
        raise ValueError(value)
    return number


CHOICES = {
    'query_scope': ['one', 'sub'],
    'alias_dereferencing': ['never', 'searching', 'always', 'finding', 'default'],
    'tls_req_cert': ['demand', 'never', 'allow'],
}
LEAST = {
    'connection_timeout': 1,
    'pool_size': 1,
    'pool_retry_max': 1,
    'pool_connection_timeout': -1,
    'pool_connection_lifetime': 1,
    'auth_pool_size': 1,
    'auth_pool_connection_lifetime': 1,
}
# A domain's own configuration cannot set the domain of the file or secrets, nor options that upstream leaves out.
NOT_BY_DOMAIN = ('password', 'connection_timeout', 'domain', 'randomize_urls', 'group_ad_nesting')
BY_DOMAIN = tuple(field.name for field in dataclasses.fields(Ldap) if field.name not in NOT_BY_DOMAIN)
LISTS = tuple(field.name for field in dataclasses.fields(Ldap) if field.type == Texts)
_HELP = {
    'url': 'URL of the directory: ldap://HOST:PORT or ldaps://HOST:PORT; several are separated by commas.',
    'randomize_urls': 'Whether each process tries the servers in a random order.',
    'user': 'DN that searches are bound as; empty means anonymous.',
    'password': 'Password of that DN.',
    'suffix': 'Base DN of the directory, where no tree DN is set.',
    'query_scope': 'Scope of searches: one level below a tree DN (one) or anywhere below it (sub).',
    'page_size': 'Entries in a page of search results; 0 means no paging.',
    'alias_dereferencing': 'When aliases are dereferenced; default means never.',
    'chase_referrals': 'Whether referrals are followed; can only be false.',
    'user_tree_dn': 'DN of the tree of users; empty means ou=Users below the suffix.',
    'user_filter': 'Filter that users must match, in addition to their object class.',
    'user_objectclass': 'Object class of users.',
    'user_id_attribute': 'Attribute that is the unique id of users and never changes.',
    'user_name_attribute': 'Attribute of their name, by which they log in.',
    'user_mail_attribute': 'Attribute of their email address.',
    'user_description_attribute': 'Attribute of their description.',
    'user_default_project_id_attribute': 'Attribute of the id of their default project.',
    'user_enabled_attribute': 'Attribute that says whether a user is enabled; an entry without it has the default.',
    'user_enabled_invert': 'Whether the meaning of that attribute is inverted: true means disabled.',
    'user_enabled_mask': 'Bit of that attribute that is set for disabled users; 0 means that it is a boolean.',
    'user_enabled_default': 'Value of that attribute where an entry does not have it.',
    'user_enabled_emulation': 'Whether users are enabled by membership of one group instead.',
    'user_enabled_emulation_dn': 'DN of that group; empty means cn=enabled_users below the tree of users.',
    'user_enabled_emulation_use_group_config': "Whether that group's members are listed as in other groups.",
    'user_attribute_ignore': 'Attributes of users, by their names in the API, that are ignored.',
    'user_additional_attribute_mapping': 'Further attributes that users are shown with, each as LDAP_NAME:API_NAME.',
    'group_tree_dn': 'DN of the tree of groups; empty means ou=UserGroups below the suffix.',
    'group_filter': 'Filter that groups must match, in addition to their object class.',
    'group_objectclass': 'Object class of groups.',
    'group_id_attribute': 'Attribute that is the unique id of groups and never changes.',
    'group_name_attribute': 'Attribute of their name.',
    'group_member_attribute': 'Attribute that lists the members.',
    'group_members_are_ids': 'Whether members are listed by their id instead of by their DN.',
    'group_desc_attribute': 'Attribute of their description.',
    'group_attribute_ignore': 'Attributes of groups, by their names in the API, that are ignored.',
    'group_additional_attribute_mapping': 'Further attributes that groups are shown with, each as LDAP_NAME:API_NAME.',
    'group_ad_nesting': "Whether nested groups count; needs Active Directory's matching rule for chains of members.",
    'use_tls': 'Whether an ldap:// connection is secured by StartTLS.',
    'tls_cacertfile': 'File of CA certificates that the directory is verified with; empty means those of the host.',
    'tls_cacertdir': 'Directory of CA certificates, named by their hashes.',
    'tls_req_cert': 'Whether the certificate of the directory must be valid (demand) or not (never, allow).',
    'connection_timeout': 'Seconds that a connection, and then each answer, may take.',
    'use_pool': 'Whether connections for searches are kept open for the next.',
    'pool_size': 'Most searches of a process in a directory at the same time, and most connections that it keeps.',
    'pool_retry_max': 'Times that a process tries to connect to a directory.',
    'pool_retry_delay': 'Seconds between two tries.',
    'pool_connection_timeout': 'Seconds instead of connection_timeout where connections are kept; -1 means the same.',
    'pool_connection_lifetime': 'Seconds for which a connection is kept.',
    'use_auth_pool': 'Whether connections on which passwords are checked are kept open for the next one.',
    'auth_pool_size': 'Most such connections that a process keeps.',
    'auth_pool_connection_lifetime': 'Seconds for which such a connection is kept.',
    'domain': 'Id of the domain whose users are in the directory of these options; empty means that only domains '
    'with a configuration of their own have a directory.',
}
_DEFAULT = Ldap()


def _option(field: Any) -> cfg.Opt:
    default = list(field.default) if field.type == Texts else field.default
    more: dict[str, Any] = {'default': default, 'help': _HELP[field.name]}
    if field.type == Texts:
        return cfg.ListOpt(field.name, **more)
    if field.type is bool:
        return cfg.BoolOpt(field.name, **more)
    if field.type in (int, float):
        kind = cfg.IntOpt if field.type is int else cfg.FloatOpt
        return kind(field.name, min=LEAST.get(field.name, 0), **more)
    return cfg.StrOpt(field.name, secret=field.name == 'password', choices=CHOICES.get(field.name), **more)


OPTIONS = {'ldap': [_option(field) for field in dataclasses.fields(Ldap)]}
