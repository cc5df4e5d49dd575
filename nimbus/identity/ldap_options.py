"""The options of a directory of users: how it is reached, and what its entries mean."""

import dataclasses
from typing import Any, Self

from oslo_config import cfg

from nimbus.common import errors


@dataclasses.dataclass(frozen=True)
class Ldap:
    """The values of the [ldap] group, or of a domain's own."""

    url: str = 'ldap://localhost'
    user: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    suffix: str = 'cn=example,cn=com'
    query_scope: str = 'one'
    page_size: int = 0
    user_tree_dn: str | None = None
    user_filter: str | None = None
    user_objectclass: str = 'inetOrgPerson'
    user_id_attribute: str = 'cn'
    user_name_attribute: str = 'sn'
    user_mail_attribute: str = 'mail'
    user_description_attribute: str = 'description'
    user_enabled_attribute: str | None = 'enabled'
    user_enabled_invert: bool = False
    user_enabled_mask: int = 0
    user_enabled_default: str = 'True'
    group_tree_dn: str | None = None
    group_filter: str | None = None
    group_objectclass: str = 'groupOfNames'
    group_id_attribute: str = 'cn'
    group_name_attribute: str = 'ou'
    group_member_attribute: str = 'member'
    group_members_are_ids: bool = False
    group_desc_attribute: str = 'description'
    use_tls: bool = False
    tls_cacertfile: str | None = None
    tls_req_cert: str = 'demand'
    connection_timeout: int = 5
    domain: str = ''

    @classmethod
    def of(cls, group: Any) -> Self:
        """The values of a loaded configuration's group."""
        return cls(**{field.name: getattr(group, field.name) for field in dataclasses.fields(cls)})

    def overlaid(self, told: dict[str, Any]) -> Self:
        """These values with those that a domain tells.  Raises Unavailable on one of another kind."""
        kinds = {field.name: field.type for field in dataclasses.fields(self)}
        try:
            changes = {name: _cast(kinds[name], value) for name, value in told.items() if name in kinds}
        except ValueError:
            raise errors.Unavailable(
                'The directory of this domain cannot be asked: its configuration is wrong.'
            ) from None
        return dataclasses.replace(self, **changes)


def _cast(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if kind is bool:
        text = str(value).lower()
        if text not in ('true', 'false', '1', '0'):
            raise ValueError(value)
        return text in ('true', '1')
    return int(value) if kind is int else str(value)


# What a domain may have of its own; which domain the file speaks of, and secrets, are not among them.
BY_DOMAIN = tuple(
    field.name for field in dataclasses.fields(Ldap) if field.name not in ('password', 'connection_timeout', 'domain')
)
_HELP = {
    'url': 'Where the directory is: ldap://HOST:PORT or ldaps://HOST:PORT, several with commas.',
    'user': 'Name (DN) that searches are made under; empty means nobody.',
    'password': 'Password of that name.',
    'suffix': 'Root of the directory, where no tree is told.',
    'query_scope': 'Whether entries stand one level below a tree (one) or anywhere below it (sub).',
    'page_size': 'Entries asked for at a time; 0 means all at once.',
    'user_tree_dn': 'Where users are; empty means ou=Users below the suffix.',
    'user_filter': 'Filter that users pass beside their object class.',
    'user_objectclass': 'Object class of users.',
    'user_id_attribute': 'Attribute that tells users apart and never changes.',
    'user_name_attribute': 'Attribute that users log in by.',
    'user_mail_attribute': 'Attribute of their address.',
    'user_description_attribute': 'Attribute of their description.',
    'user_enabled_attribute': 'Attribute that tells whether a user may log in; an entry without it has the default.',
    'user_enabled_invert': 'Whether that attribute is true of those who may not.',
    'user_enabled_mask': 'Bit of that attribute which is set for those who may not; 0 means it is a truth by itself.',
    'user_enabled_default': 'Value of that attribute where an entry has none.',
    'group_tree_dn': 'Where groups are; empty means ou=UserGroups below the suffix.',
    'group_filter': 'Filter that groups pass beside their object class.',
    'group_objectclass': 'Object class of groups.',
    'group_id_attribute': 'Attribute that tells groups apart and never changes.',
    'group_name_attribute': 'Attribute of their name.',
    'group_member_attribute': 'Attribute that names the members.',
    'group_members_are_ids': 'Whether members are told by their id instead of by their DN.',
    'group_desc_attribute': 'Attribute of their description.',
    'use_tls': 'Whether an ldap:// connection is secured by StartTLS.',
    'tls_cacertfile': 'Certificates that the directory is trusted by; empty means those of the host.',
    'tls_req_cert': 'Whether a certificate has to be right (demand) or not (never, allow).',
    'connection_timeout': 'Seconds that a connection, and then each answer, may take.',
    'domain': 'Id of the domain whose users these options are about; empty means that only domains which have a '
    'configuration of their own have a directory.',
}
_DEFAULT = Ldap()


def _option(field: Any) -> cfg.Opt:
    more: dict[str, Any] = {'default': field.default, 'help': _HELP[field.name]}
    if field.type is bool:
        return cfg.BoolOpt(field.name, **more)
    if field.type is int:
        return cfg.IntOpt(field.name, min=1 if field.name == 'connection_timeout' else 0, **more)
    choices = {'query_scope': ['one', 'sub'], 'tls_req_cert': ['demand', 'never', 'allow']}.get(field.name)
    return cfg.StrOpt(field.name, secret=field.name == 'password', choices=choices, **more)


OPTIONS = {'ldap': [_option(field) for field in dataclasses.fields(Ldap)]}
