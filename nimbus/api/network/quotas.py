"""Quotas of the Networking API over HTTP."""

from typing import Any

from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.api.network import values
from nimbus.api.network.attributes import bad
from nimbus.network import quotas

# What a client may send beside the limits.  check_limit asks for what is done anyway unless force is true.
BESIDE = ('project_id', 'tenant_id', 'force', 'check_limit')
LIMIT = values.whole(-1, 2147483647)


def index(call: Call) -> Any:
    """GET: the quotas of every project for which limits were set."""
    with call.db.read() as tx:
        own = quotas.QUOTAS.projects(tx)
        return {
            'quotas': [
                {**quotas.QUOTAS.limits(tx, project_id), 'project_id': project_id, 'tenant_id': project_id}
                for project_id in own
            ]
        }


def own(call: Call) -> Any:
    """GET of the asker's own project id, which older clients look up."""
    project_id = call.context.project_id
    return {'tenant': {'tenant_id': project_id, 'project_id': project_id}, 'project': {'project_id': project_id}}


def show(call: Call, project_id: str) -> Any:
    """GET of one project's limits."""
    if project_id in ('tenant', 'project'):
        return own(call)
    _check_seen(call, project_id)
    with call.db.read() as tx:
        return {'quota': {**quotas.QUOTAS.limits(tx, project_id), 'project_id': project_id}}


def _check_seen(call: Call, project_id: str) -> None:
    """Another project's quota needs the policy rule, the asker's own does not.  Raises Forbidden."""
    if project_id != call.context.project_id:
        call.check('get_quota', project_id=project_id)


def default(call: Call, project_id: str) -> Any:
    """GET of the limits a project has when none are set for it."""
    _check_seen(call, project_id)
    with call.db.read() as tx:
        return {'quota': {**quotas.QUOTAS.limits(tx, ''), 'project_id': project_id}}


def details(call: Call, project_id: str) -> Any:
    """GET of limits and use."""
    _check_seen(call, project_id)
    with call.db.read() as tx:
        found = quotas.QUOTAS.show(tx, project_id)
    shown = {name: {'limit': quota.limit, 'used': quota.used, 'reserved': 0} for name, quota in found.items()}
    return {'quota': shown}


def update(call: Call, project_id: str) -> Any:
    """PUT: the project has these limits of its own."""
    body = call.body
    if not isinstance(body, dict) or not isinstance(body.get('quota'), dict):
        raise bad("Unable to find 'quota' in request body")
    limits = {name: value for name, value in body['quota'].items() if name not in BESIDE}
    unknown = sorted(set(limits) - set(quotas.DEFAULTS))
    if unknown:
        raise bad(f"Unrecognized attribute(s) '{', '.join(map(str, unknown))}'")
    wanted = {}
    for name, value in limits.items():
        try:
            wanted[name] = LIMIT(value)
        except ValueError as why:
            raise bad(f'Invalid input for {name}. Reason: {why}.') from why
    with call.db.write() as tx:
        if body['quota'].get('force') is not True:
            _check_use(tx, project_id, wanted)
        quotas.QUOTAS.set(tx, project_id, wanted)
        return {'quota': {**quotas.QUOTAS.limits(tx, project_id), 'project_id': project_id}}


def _check_use(tx: Any, project_id: str, wanted: dict[str, int]) -> None:
    """Raises Invalid when the project already uses more than one of the new limits."""
    found = quotas.QUOTAS.show(tx, project_id)
    for name, limit in wanted.items():
        if -1 < limit < found[name].used:
            raise bad(
                f'Quota limit {limit} for {name} must be greater than or equal to already used {found[name].used}'
            )


def delete(call: Call, project_id: str) -> Any:
    """DELETE: the project has the default limits.  Raises NotFound where none of its own were set."""
    with call.db.write() as tx:
        quotas.forget(tx, project_id)
    return Reply()


ROUTES = (
    Route('GET', '/quotas', index, 'update_quota'),  # only those who may set quotas may list all of them
    Route('GET', '/quotas/{project_id}', show, None),
    Route('GET', '/quotas/{project_id}/default', default, None),
    Route('GET', '/quotas/{project_id}/details', details, None),
    Route('PUT', '/quotas/{project_id}', update, 'update_quota'),
    Route('DELETE', '/quotas/{project_id}', delete, 'delete_quota', 204),
)
