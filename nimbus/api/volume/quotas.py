"""Volume quotas over HTTP (/os-quota-sets, /os-quota-class-sets and /limits)."""

from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.api.volume.microversions import LimitsOfProjects
from nimbus.common import errors, numbers
from nimbus.volume.quotas import DEFAULTS

LIMIT = {'type': ['integer', 'string'], 'pattern': '^-?[0-9]+$', 'minimum': -1, 'maximum': 2147483647, 'maxLength': 10}
INNER = {'type': 'object', 'properties': {name: LIMIT for name in DEFAULTS}, 'minProperties': 1,
         'additionalProperties': False}  # fmt: skip


def _shape(name: str) -> Shape:
    properties = {**INNER['properties'], 'tenant_id': {'type': 'string'}, 'class_name': {'type': 'string'}}
    inner = {**INNER, 'properties': properties}
    return Shape({'type': 'object', 'properties': {name: inner}, 'required': [name]})


SET, CLASS = _shape('quota_set'), _shape('quota_class_set')


def _quotas(call: Call) -> Any:
    return call.parts.extra['volume_quotas']


def _own(call: Call, project: str) -> None:
    if not call.context.is_admin and project != call.context.project_id:
        raise errors.Forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.")


def show(call: Call, project: str) -> dict[str, Any]:
    """A project's limits, with its use where that is asked for."""
    _own(call, project)
    with call.db.read() as tx:
        found = _quotas(call).show(tx, project)
    if (call.arg('usage') or '').lower() in ('true', '1'):
        values: dict[str, Any] = {
            name: {'limit': one.limit, 'in_use': one.used, 'reserved': 0, 'allocated': 0} for name, one in found.items()
        }
    else:
        values = {name: one.limit for name, one in found.items()}
    return {'quota_set': {'id': project, **values}}


def defaults(call: Call, project: str) -> dict[str, Any]:
    """The default limits, for projects without limits of their own."""
    _own(call, project)
    with call.db.read() as tx:
        return {'quota_set': {'id': project, **_quotas(call).limits(tx, '')}}


def update(call: Call, project: str) -> dict[str, Any]:
    """The project has limits of its own."""
    given = {name: _number(name, value) for name, value in call.body['quota_set'].items() if name in DEFAULTS}
    with call.db.write() as tx:
        _check_use(given, _quotas(call).show(tx, project))
        _quotas(call).set(tx, project, given)
        return {'quota_set': _quotas(call).limits(tx, project)}


def _check_use(given: dict[str, int], found: dict[str, Any]) -> None:
    """Raises Invalid when a limit is below the project's use."""
    for name, limit in given.items():
        if name != 'per_volume_gigabytes' and 0 <= limit < found[name].used:
            raise errors.Invalid(
                f'Quota {name} limit must be equal or greater than existing resources. Current usage is '
                f'{found[name].used} and the requested limit is {limit}.'
            )


def _number(name: str, value: Any) -> int:
    return numbers.whole(value, name, least=-1, most=2147483647)


def delete(call: Call, project: str) -> None:
    """The project has no limits of its own."""
    with call.db.write() as tx:
        _quotas(call).reset(tx, project)


def show_class(call: Call, name: str) -> dict[str, Any]:
    """The limits of the default class."""
    with call.db.read() as tx:
        return {'quota_class_set': {'id': name, **_quotas(call).limits(tx, '')}}


def update_class(call: Call, name: str) -> dict[str, Any]:
    """Projects without limits of their own have these."""
    if name != 'default':
        raise errors.Invalid(f'There is no quota class {name[:40]}; the one there is is called default.')
    given = {key: _number(key, value) for key, value in call.body['quota_class_set'].items() if key in DEFAULTS}
    with call.db.write() as tx:
        _quotas(call).set(tx, '', given)
        return {'quota_class_set': _quotas(call).limits(tx, '')}


def limits(call: Call) -> dict[str, Any]:
    """GET /limits: the limits and use of the asker's project, or for an operator of another."""
    project = call.context.project_id or ''
    if call.speaks(LimitsOfProjects) and call.context.is_admin:
        project = call.arg('project_id') or project
    with call.db.read() as tx:
        found = _quotas(call).show(tx, project)
    names = {'volumes': 'Volumes', 'snapshots': 'Snapshots', 'backups': 'Backups'}
    absolute: dict[str, int] = {}
    for name, word in names.items():
        absolute[f'maxTotal{word}'], absolute[f'total{word}Used'] = found[name].limit, found[name].used
    absolute |= {
        'maxTotalVolumeGigabytes': found['gigabytes'].limit,
        'totalGigabytesUsed': found['gigabytes'].used,
        'maxTotalBackupGigabytes': found['backup_gigabytes'].limit,
        'totalBackupGigabytesUsed': found['backup_gigabytes'].used,
    }
    return {'limits': {'rate': [], 'absolute': absolute}}
