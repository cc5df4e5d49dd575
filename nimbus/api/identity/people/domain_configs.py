"""`/v3/domains/{domain_id}/config`, and the defaults of a domain that has none."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.identity import domains
from nimbus.identity.ldap import domain_configs

CONFIG = Shape({'type': 'object', 'required': ['config'], 'properties': {'config': {'type': 'object'}}})
COMPLIANCE = 'security_compliance'
READABLE = ('password_regex', 'password_regex_description')
COMPLIANT_DOMAIN = 'default'  # the only domain whose password rules are shown


def show(call: Call, domain_id: str, group: str | None = None, option: str | None = None) -> dict[str, Any]:
    """GET /domains/{domain_id}/config, of one group of it, and of one option."""
    if group == COMPLIANCE:
        wire.check(call, 'get_security_compliance_domain_config')
        return {'config': _compliance(call, domain_id, option)}
    wire.check(call, 'get_domain_config')
    domain_configs.check_names(group, option)
    with call.db.read() as tx:
        domains.show(tx, domain_id)
        config = domain_configs.public(domain_configs.whole(tx, domain_id))
    return {'config': domain_configs.part(config, domain_id, group, option)}


def _compliance(call: Call, domain_id: str, option: str | None) -> dict[str, Any]:
    if domain_id != COMPLIANT_DOMAIN:
        raise domain_configs.invalid(
            'Reading security compliance information for any domain other than the default domain is not allowed or '
            'supported.'
        )
    if option and option not in READABLE:
        raise domain_configs.invalid(
            'Reading security compliance values other than password_regex and password_regex_description is not '
            'allowed.'
        )
    values = {name: getattr(authority(call).settings, name, None) for name in READABLE}
    return {option: values[option]} if option else {COMPLIANCE: values}


def create(call: Call, domain_id: str) -> Reply:
    """PUT /domains/{domain_id}/config."""
    with wire.writing(call) as tx:
        domains.show(tx, domain_id)
        fresh = domain_configs.replace(tx, domain_id, call.body['config'])
        config = domain_configs.public(domain_configs.whole(tx, domain_id))
    return Reply({'config': config}, 201 if fresh else 200)


def update(call: Call, domain_id: str, group: str | None = None, option: str | None = None) -> dict[str, Any]:
    """PATCH /domains/{domain_id}/config, of one group of it, and of one option."""
    with wire.writing(call) as tx:
        domains.show(tx, domain_id)
        domain_configs.update(tx, domain_id, call.body['config'], group, option)
        return {'config': domain_configs.public(domain_configs.whole(tx, domain_id))}


def delete(call: Call, domain_id: str, group: str | None = None, option: str | None = None) -> None:
    """DELETE /domains/{domain_id}/config, of one group of it, and of one option."""
    with wire.writing(call) as tx:
        domains.show(tx, domain_id)
        domain_configs.delete(tx, domain_id, group, option)


def show_default(call: Call, group: str | None = None, option: str | None = None) -> dict[str, Any]:
    """GET /domains/config/default, of one group, and of one option."""
    domain_configs.check_names(group, option)
    if group and option in domain_configs.SENSITIVE.get(group, ()):
        raise domain_configs.invalid(f'Reading the default for option {option} in group {group} is not supported')
    return {'config': domain_configs.part(authority(call).directories.defaults(), 'default', group, option)}
