"""Allocations: the claims of servers as placement shows them, by provider, by consumer and in all."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.api.placement import providers
from nimbus.api.placement.policies import USAGES
from nimbus.api.placement.resource_classes import CLASSES, held, known
from nimbus.common import errors
from nimbus.scheduler import claims, hosts


def _resources(claim: Any) -> dict[str, int]:
    return held({column: getattr(claim, column) for column in CLASSES.values()})


def of_provider(call: Call, uuid: str) -> dict[str, Any]:
    """GET /resource_providers/{uuid}/allocations."""
    with call.db.read() as tx:
        row = providers.host(tx, uuid)
        rows = claims.on(tx, row.id)
    found = {claim.server_id: {'resources': _resources(claim)} for claim in rows}
    return {'allocations': found, 'resource_provider_generation': row.generation}


def of_consumer(call: Call, uuid: str) -> dict[str, Any]:
    """GET /allocations/{uuid}: no allocations for an unknown consumer."""
    with call.db.read() as tx:
        claim = claims.of(tx, uuid)
        row = hosts.show(tx, claim.host_id) if claim else None
    if claim is None or row is None:
        return {'allocations': {}}
    return {'allocations': {row.id: {'resources': _resources(claim), 'generation': row.generation}}}


def usages(call: Call) -> dict[str, Any]:
    """GET /usages?project_id=: what the servers of a project hold, of one user if one is named."""
    project_id, user_id = call.arg('project_id'), call.arg('user_id')
    call.check(USAGES, project_id=project_id)
    known(call, 'project_id', 'user_id')
    if not project_id:
        raise errors.Invalid("Invalid query string parameters: 'project_id' is a required property")
    for name, value in (('project_id', project_id), ('user_id', user_id)):
        if value is not None and not 1 <= len(value) <= 255:
            raise errors.Invalid(f'Invalid query string parameters: {name} has 1 to 255 characters.')
    with call.db.read() as tx:
        return {'usages': held(claims.used_by(tx, project_id, user_id))}
