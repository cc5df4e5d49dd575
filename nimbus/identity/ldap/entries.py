"""Entries of LDAP directories as users and groups, by the attributes that the options name."""

import dataclasses
import logging
import uuid
from typing import Any

from nimbus.identity.settings.ldap import Ldap, Texts

LOG = logging.getLogger(__name__)
DN = str
Values = dict[str, list[str]]  # of each attribute, named in small letters
TRUE = ('true', '1')
OWN = ('id', 'name', 'domain_id', 'enabled', 'links', 'options', 'password', 'password_expires_at')  # never mapped


@dataclasses.dataclass(frozen=True)
class Entry:
    """A user or a group."""

    dn: DN
    local_id: str
    name: str
    enabled: bool = True
    description: str | None = None
    members: tuple[str, ...] = ()
    default_project_id: str | None = None
    extra: dict[str, str] = dataclasses.field(default_factory=dict)  # additional attributes


def values_of(one: dict[str, Any]) -> tuple[DN, Values]:
    """The DN and the attribute values of an entry in a search result; values that are not text are left out."""
    values = {}
    for name, raw in one['raw_attributes'].items():
        values[name.lower()] = [text for text in map(_text, raw) if text is not None]
    return one['dn'], values


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        # Directories keep ids as 16 bytes, in an order of their own.
        return str(uuid.UUID(bytes_le=value)) if len(value) == 16 else None


def as_user(dn: DN, values: Values, options: Ldap) -> Entry | None:
    """The user of the entry, None when it lacks an id or a name."""
    ignored = options.user_attribute_ignore
    local_id, name = _id(dn, values, options.user_id_attribute), _first(values, options.user_name_attribute)
    if not local_id or not name:
        return None
    extra = _mapped(values, options.user_additional_attribute_mapping, ignored)
    for shown, attribute in (
        ('email', options.user_mail_attribute),
        ('description', options.user_description_attribute),
    ):
        if shown not in ignored and (value := _first(values, attribute)):
            extra[shown] = value
    project = None if 'default_project_id' in ignored else _first(values, options.user_default_project_id_attribute)
    enabled = 'enabled' in ignored or _is_enabled(values, options)
    return Entry(dn, local_id, name, enabled, default_project_id=project, extra=extra)


def _is_enabled(values: Values, options: Ldap) -> bool:
    """Whether the attribute, with its mask or inversion, means enabled; with a mask, what is not a number does not."""
    text = (_first(values, options.user_enabled_attribute) or options.user_enabled_default).strip()
    if options.user_enabled_mask:
        try:
            return int(text) & options.user_enabled_mask != options.user_enabled_mask
        except ValueError:
            return False
    return (text.lower() in TRUE) != options.user_enabled_invert


def as_group(dn: DN, values: Values, options: Ldap) -> Entry | None:
    """The group of the entry, None when it lacks an id or a name."""
    ignored = options.group_attribute_ignore
    local_id, name = _id(dn, values, options.group_id_attribute), _first(values, options.group_name_attribute)
    if not local_id or not name:
        return None
    description = None if 'description' in ignored else _first(values, options.group_desc_attribute)
    return Entry(
        dn,
        local_id,
        name,
        description=description,
        members=tuple(values.get(options.group_member_attribute.lower(), ())),
        extra=_mapped(values, options.group_additional_attribute_mapping, ignored),
    )


def _id(dn: DN, values: Values, attribute: str) -> str | None:
    """The entry's id; of several values the one in its DN, as their order is arbitrary and users may add values."""
    found = values.get(attribute.lower(), [])
    if len(found) < 2:
        return found[0] if found else None
    from ldap3.utils.dn import parse_dn

    named = {name.lower(): value for name, value, _ in parse_dn(dn)[:1]}
    return named.get(attribute.lower())


def _mapped(values: Values, mapping: Texts, ignored: Texts) -> dict[str, str]:
    """The additional attributes of the entry, from mappings LDAP_NAME:API_NAME."""
    found = {}
    for pair in mapping:
        attribute, _, shown = pair.partition(':')
        if not shown or shown in OWN:
            LOG.warning('The attribute mapping %s of a directory is ignored; it must be LDAP_NAME:API_NAME', pair)
        elif shown not in ignored and (value := _first(values, attribute)):
            found[shown] = value
    return found


def _first(values: Values, name: str | None) -> str | None:
    found = values.get(name.lower()) if name else None
    return found[0] if found else None
