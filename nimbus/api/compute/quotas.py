"""Quotas and limits over HTTP."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.compute.projects import check_exists
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.common import errors, numbers
from nimbus.common.database import db
from nimbus.common.quotas import UNLIMITED, Quota
from nimbus.compute.quotas import DEFAULTS, QUOTAS

# Quotas from before there was a network service: stored and shown, but they limit nothing.
NETWORKS = ('fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules')
FILES = ('injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes')
GROUPS = ('server_groups', 'server_group_members')
LIMIT_NAMES = {
    'ram': ('maxTotalRAMSize',),
    'instances': ('maxTotalInstances',),
    'cores': ('maxTotalCores',),
    'key_pairs': ('maxTotalKeypairs',),
    'floating_ips': ('maxTotalFloatingIps',),
    'metadata_items': ('maxServerMeta', 'maxImageMeta'),
    'injected_files': ('maxPersonality',),
    'injected_file_content_bytes': ('maxPersonalitySize',),
    'security_groups': ('maxSecurityGroups',),
    'security_group_rules': ('maxSecurityGroupRules',),
    'server_groups': ('maxServerGroups',),
    'server_group_members': ('maxServerGroupMembers',),
}
USES = {
    'totalRAMUsed': 'ram',
    'totalCoresUsed': 'cores',
    'totalInstancesUsed': 'instances',
    'totalFloatingIpsUsed': 'floating_ips',
    'totalSecurityGroupsUsed': 'security_groups',
    'totalServerGroupsUsed': 'server_groups',
}


def names(version: Version, *, of_class: bool = False) -> list[str]:
    """The resources that the version knows."""
    gone: tuple[str, ...] = ()
    if version >= (microversions.QuotaClassesCleaned if of_class else microversions.NoProxies).number:
        gone += NETWORKS
    elif of_class:
        gone += GROUPS
    if version >= microversions.NoPersonality.number:
        gone += FILES
    return [name for name in (*DEFAULTS, *NETWORKS) if name not in gone]


class UpdateShapes:
    """The shape of new limits, by version."""

    def __init__(self, wrapper: str) -> None:
        self.wrapper = wrapper

    def for_version(self, version: Version) -> Shape:
        """The shape in that version."""
        number = {
            'type': ['integer', 'string'],
            'pattern': r'^-?[0-9]{1,9}$',
            'minimum': -1,
            'maximum': shapes.MAX_INT,
        }
        of_class = self.wrapper == 'quota_class_set'
        fields: dict[str, Any] = dict.fromkeys(names(version, of_class=of_class), number)
        if not of_class:
            fields['force'] = shapes.BOOLEAN
        return shapes.under(self.wrapper, shapes.closed(fields))


def _strict(call: Call) -> None:
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, 'user_id')


def _whole_project(call: Call) -> None:
    """Raises NotBuilt for the quotas of a single user of a project."""
    _strict(call)
    if call.arg('user_id'):
        raise errors.NotBuilt('Limits of one user within a project are not part of this cloud.')


def _shown(call: Call, found: dict[str, Quota], of_class: bool = False) -> dict[str, int]:
    limits = dict.fromkeys(NETWORKS, UNLIMITED) | {name: quota.limit for name, quota in found.items()}
    return {name: limits[name] for name in names(call.version, of_class=of_class)}


def _held(tx: db.Tx, project_id: str) -> dict[str, Quota]:
    """Limit and use of every resource, including those whose limits are not enforced."""
    return {name: Quota(name, UNLIMITED, 0) for name in NETWORKS} | QUOTAS.show(tx, project_id)


def show(call: Call, project_id: str) -> dict[str, Any]:
    """The project's limits."""
    call.check(f'{policies.API}os-quota-sets:show', project_id=project_id)
    _strict(call)
    with call.db.read() as tx:
        check_exists(tx, call.context, project_id)
        return {'quota_set': {'id': project_id, **_shown(call, QUOTAS.show(tx, project_id))}}


def detail(call: Call, project_id: str) -> dict[str, Any]:
    """The project's limits and usage."""
    call.check(f'{policies.API}os-quota-sets:detail', project_id=project_id)
    _strict(call)
    with call.db.read() as tx:
        check_exists(tx, call.context, project_id)
        held = _held(tx, project_id)
    shown = {
        name: {'limit': held[name].limit, 'in_use': held[name].used, 'reserved': 0} for name in names(call.version)
    }
    return {'quota_set': {'id': project_id, **shown}}


def defaults(call: Call, project_id: str) -> dict[str, Any]:
    """The limits of a project that has none of its own."""
    call.check(f'{policies.API}os-quota-sets:defaults', project_id=project_id)
    with call.db.read() as tx:
        check_exists(tx, call.context, project_id)
        return {'quota_set': {'id': project_id, **_shown(call, QUOTAS.show(tx, ''))}}


def update(call: Call, project_id: str) -> dict[str, Any]:
    """The project's limits, as they are now."""
    _whole_project(call)
    given = dict(call.body['quota_set'])
    force = shapes.flag(given.pop('force', False))
    limits = {name: _limit(name, value) for name, value in given.items()}
    with call.db.write() as tx:
        check_exists(tx, call.context, project_id)
        held = _held(tx, project_id)
        for name, limit in limits.items():
            if not force and limit != UNLIMITED and limit < held[name].used:
                raise errors.Invalid(
                    f'Quota limit {limit} for {name} must be greater than or equal to already used and reserved '
                    f'{held[name].used}.'
                )
        QUOTAS.set(tx, project_id, limits)
        return {'quota_set': _shown(call, QUOTAS.show(tx, project_id))}


def _limit(name: str, value: Any) -> int:
    return numbers.whole(value, name, least=UNLIMITED, most=shapes.MAX_INT)


def delete(call: Call, project_id: str) -> None:
    """202: the project has no limits of its own, though it be one that is gone."""
    _whole_project(call)
    with call.db.write() as tx:
        QUOTAS.reset(tx, project_id)


def show_class(call: Call, name: str) -> dict[str, Any]:
    """The limits of a quota class; only the default class has any effect."""
    with call.db.read() as tx:
        return {'quota_class_set': {'id': name, **_shown(call, QUOTAS.show(tx, ''), of_class=True)}}


def update_class(call: Call, name: str) -> dict[str, Any]:
    """The limits of the default class, as they are now."""
    if name != 'default':
        raise errors.Invalid(f"There is no quota class '{name[:80]}'; the one class is 'default'.")
    given = call.body['quota_class_set']
    limits = {key: _limit(key, value) for key, value in given.items()}
    with call.db.write() as tx:
        QUOTAS.set(tx, '', limits)
        return {'quota_class_set': _shown(call, QUOTAS.show(tx, ''), of_class=True)}


def limits(call: Call) -> dict[str, Any]:
    """GET /limits: the project's limits and usage, by the names of that view."""
    call.check(f'{policies.API}limits')
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, 'tenant_id', 'reserved')
    project_id = call.arg('tenant_id')
    if project_id is not None:
        call.check(f'{policies.API}limits:other_project')
    with call.db.read() as tx:
        held = _held(tx, project_id or call.context.project_id or '')
    known = names(call.version)
    absolute = {wire: held[name].limit for name, wires in LIMIT_NAMES.items() if name in known for wire in wires}
    if call.speaks(microversions.NoImageMetadata):
        del absolute['maxImageMeta']
    absolute |= {wire: held[name].used for wire, name in USES.items() if name in known}
    return {'limits': {'rate': [], 'absolute': absolute}}
