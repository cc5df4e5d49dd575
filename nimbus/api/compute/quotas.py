"""Quotas and limits over HTTP."""

import re
from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.compute.projects import check_exists
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.common import errors, numbers
from nimbus.common.database import db
from nimbus.common.quotas import UNLIMITED, Quota
from nimbus.compute import user_quotas
from nimbus.compute.quotas import DEFAULTS, QUOTAS

MOST = shapes.MAX_INT + 1  # more than any limit
USER = re.compile(r'[\w-]{1,64}', re.ASCII)
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


def _user(call: Call) -> str | None:
    """The user within the project whose limits are meant, None where the project's are.  Raises Invalid."""
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, 'user_id')
    user_id = call.arg('user_id')
    if user_id and not USER.fullmatch(user_id):
        raise errors.Invalid(
            'Invalid input for query parameters user_id. It is the id of a user, of up to 64 characters.'
        )
    return user_id or None


def _shown(call: Call, found: dict[str, Quota], of_class: bool = False) -> dict[str, int]:
    limits = dict.fromkeys(NETWORKS, UNLIMITED) | {name: quota.limit for name, quota in found.items()}
    return {name: limits[name] for name in names(call.version, of_class=of_class)}


def _held(tx: db.Tx, project_id: str, user_id: str | None = None) -> dict[str, Quota]:
    """Limit and use of every resource, enforced or not, as the project or one user in it has them."""
    found = QUOTAS.show(tx, project_id) if user_id is None else user_quotas.show(tx, project_id, user_id)
    return {name: Quota(name, UNLIMITED, 0) for name in NETWORKS} | found


def show(call: Call, project_id: str) -> dict[str, Any]:
    """The project's limits."""
    call.check(f'{policies.API}os-quota-sets:show', project_id=project_id)
    user_id = _user(call)
    with call.db.read() as tx:
        check_exists(tx, call.context, project_id)
        return {'quota_set': {'id': project_id, **_shown(call, _held(tx, project_id, user_id))}}


def detail(call: Call, project_id: str) -> dict[str, Any]:
    """The project's limits and usage."""
    call.check(f'{policies.API}os-quota-sets:detail', project_id=project_id)
    user_id = _user(call)
    with call.db.read() as tx:
        check_exists(tx, call.context, project_id)
        held = _held(tx, project_id, user_id)
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
    """The limits of the project, or of one user in it, as they are now."""
    user_id = _user(call)
    given = dict(call.body['quota_set'])
    force = shapes.flag(given.pop('force', False))
    limits = {name: _limit(name, value) for name, value in given.items()}
    with call.db.write() as tx:
        check_exists(tx, call.context, project_id)
        if not force:
            _check(limits, *_bounds(tx, project_id, user_id))
        if user_id is None:
            QUOTAS.set(tx, project_id, limits)
        else:
            user_quotas.set(tx, project_id, user_id, limits)
        return {'quota_set': _shown(call, _held(tx, project_id, user_id))}


def _bounds(tx: db.Tx, project_id: str, user_id: str | None) -> tuple[dict[str, int], dict[str, int]]:
    """The least and the largest limit of each resource: what is held, and what the project leaves to one user."""
    set_apart = user_quotas.given_out(tx, project_id)
    least = {name: quota.used for name, quota in _held(tx, project_id, user_id).items()}
    if user_id is None:
        return {name: max(used, set_apart.get(name, 0)) for name, used in least.items()}, {}
    own = user_quotas.own(tx, project_id, user_id)
    others = {name: amount - max(0, own.get(name, 0)) for name, amount in set_apart.items()}
    most = {
        name: max(0, quota.limit - others.get(name, 0))
        for name, quota in _held(tx, project_id).items()
        if quota.limit != UNLIMITED
    }
    return least, most


def _check(limits: dict[str, int], least: dict[str, int], most: dict[str, int]) -> None:
    for name, limit in limits.items():
        size = MOST if limit == UNLIMITED else limit
        if size < least[name]:
            raise errors.Invalid(
                f'Quota limit {limit} for {name} must be greater than or equal to already used and reserved '
                f'{least[name]}.'
            )
        if size > most.get(name, MOST):
            raise errors.Invalid(f'Quota limit {limit} for {name} must be less than or equal to {most[name]}.')


def _limit(name: str, value: Any) -> int:
    return numbers.whole(value, name, least=UNLIMITED, most=shapes.MAX_INT)


def delete(call: Call, project_id: str) -> None:
    """202: the project, though it be one that is gone, has no limits of its own, or one user in it has none."""
    user_id = _user(call)
    with call.db.write() as tx:
        user_quotas.reset(tx, project_id, user_id)
        if user_id is None:
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
