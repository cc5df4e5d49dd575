"""Domain-specific configuration: options of a domain's own identity driver, which override the configuration file."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import lists
from nimbus.identity.models import DomainOption
from nimbus.identity.settings import ldap as ldap_options

Config = dict[str, dict[str, Any]]
KNOWN = {'identity': ('driver', 'list_limit'), 'ldap': ldap_options.BY_DOMAIN}
SENSITIVE = {'ldap': ('password',)}
MAX_VALUE = 4096  # characters of a value


def defaults(ldap: ldap_options.Ldap, driver: str = 'sql') -> Config:
    """The values for a domain without a configuration of its own."""
    return {
        'identity': {'driver': driver, 'list_limit': None},
        'ldap': {
            name: list(getattr(ldap, name)) if name in ldap_options.LISTS else getattr(ldap, name)
            for name in ldap_options.BY_DOMAIN
        },
    }


def invalid(reason: str) -> errors.Forbidden:
    """The error for a configuration that is not valid."""
    return errors.Forbidden(f'Invalid domain specific configuration: {reason}.')


def check_names(section: str | None, name: str | None) -> None:
    """Raises Forbidden when no domain can have such an option."""
    if section and section not in KNOWN:
        raise invalid(f'Group {section} is not supported for domain specific configurations')
    if section and name and name not in (*KNOWN[section], *SENSITIVE.get(section, ())):
        raise invalid(f'Option {name} in group {section} is not supported for domain specific configurations')


def check(config: Config) -> None:
    """Raises Forbidden when the configuration holds anything but options with plain values."""
    if not config:
        raise invalid('No options specified')
    for section, options in config.items():
        if not options or not isinstance(options, dict):
            raise invalid(f'The value of group {section} specified in the config should be a dictionary of options')
        for name, value in options.items():
            check_names(section, name)
            listed = (
                isinstance(value, list) and name in ldap_options.LISTS and all(isinstance(one, str) for one in value)
            )
            if not (listed or isinstance(value, str | int | float | bool | None)) or len(str(value)) > MAX_VALUE:
                raise invalid(f'Option {name} in group {section} is a plain value of at most {MAX_VALUE} characters')
            if name == 'chase_referrals' and str(value).lower() not in ('false', '0', 'none'):
                raise invalid(f'Option chase_referrals in group ldap {ldap_options.NO_REFERRALS}')


_options = DomainOption.__table__
# Built once, for a login by password runs it.
_WHOLE = (
    sa.select(_options.c.section, _options.c.name, _options.c.value)
    .where(_options.c.domain_id == sa.bindparam('domain_id'))
    .order_by(_options.c.seq)
)


def whole(tx: db.Tx, domain_id: str) -> Config:
    """Every option of the domain, with secret ones."""
    found: Config = {}
    for section, name, value in tx.execute(_WHOLE, {'domain_id': domain_id}):
        found.setdefault(section, {})[name] = value['value']
    return found


def public(config: Config) -> Config:
    """The options of the domain without secret ones."""
    shown = {
        section: {name: value for name, value in options.items() if name not in SENSITIVE.get(section, ())}
        for section, options in config.items()
    }
    return {section: options for section, options in shown.items() if options}


def part(config: Config, domain_id: str, section: str | None = None, name: str | None = None) -> dict[str, Any]:
    """The whole configuration, one group of it or one option.  Raises NotFound where nothing is set."""
    found: Any = config
    if section:
        found = {section: config[section]} if config.get(section) else {}
    if found and name:
        found = {name: config[section or ''][name]} if name in config[section or ''] else {}
    if not found:
        raise missing(domain_id, section, name)
    return found


def missing(domain_id: str, section: str | None, name: str | None) -> errors.NotFound:
    """The error for an option or group that is not set."""
    what = f'option {name} in group {section}' if name else f'group {section}' if section else 'any options'
    return errors.NotFound(f'Could not find {what} in domain configuration for domain {domain_id}.')


def replace(tx: db.Tx, domain_id: str, config: Config) -> bool:
    """The domain has exactly these options; returns whether it had none before.  Raises Forbidden."""
    check(config)
    fresh = not tx.delete(DomainOption, DomainOption.domain_id == domain_id)
    _set(tx, domain_id, config)
    return fresh


def update(tx: db.Tx, domain_id: str, given: dict[str, Any], section: str | None, name: str | None) -> None:
    """The domain has the options, and others stay; a group or option in the path must already be set.

    Raises Forbidden on an option that is not allowed, NotFound on one that is not set.
    """
    config: Config = {section: given} if section and name else given
    check(config)
    check_names(section, name)
    if section:
        _check_only(config, section, name)
        kept = whole(tx, domain_id).get(section, {})
        if not kept or name and name not in kept:
            raise missing(domain_id, section, name)
    _set(tx, domain_id, config)


def _check_only(config: Config, section: str, name: str | None) -> None:
    if len(config) != 1 or name and len(config[section]) != 1:
        what = f'option {name} in group {section}' if name else f'group {section}'
        kind = 'option' if name else 'group'
        raise invalid(f'Trying to update {what}, so that, and only that, {kind} must be specified in the config')
    if section not in config:
        other = next(iter(config))
        raise invalid(f'request to update group {section}, but config provided contains group {other} instead')
    if name and name not in config[section]:
        other = next(iter(config[section]))
        raise invalid(
            f'Trying to update option {name} in group {section}, but config provided contains option {other} instead'
        )


def _set(tx: db.Tx, domain_id: str, config: Config) -> None:
    for section, options in config.items():
        for name, value in options.items():
            same = (DomainOption.domain_id == domain_id, DomainOption.section == section, DomainOption.name == name)
            if not tx.update(DomainOption, *same, value={'value': value}):
                lists.add_once(
                    tx, DomainOption, domain_id=domain_id, section=section, name=name, value={'value': value}
                )


def delete(tx: db.Tx, domain_id: str, section: str | None = None, name: str | None = None) -> None:
    """The options are deleted.  Raises NotFound when the group or option is not set."""
    check_names(section, name)
    kept = whole(tx, domain_id)
    if section and (section not in kept or name and name not in kept[section]):
        raise missing(domain_id, section, name)
    where = [DomainOption.domain_id == domain_id]
    where += [DomainOption.section == section] if section else []
    where += [DomainOption.name == name] if name else []
    tx.delete(DomainOption, *where)
