"""Allocations: the claims of servers as placement shows them, by provider, by consumer and in all."""

import re
from typing import Any

from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement import providers
from nimbus.api.placement.dates import dated
from nimbus.api.placement.microversions import ConsumerGenerations, ConsumerTypes, Owners
from nimbus.api.placement.policies import USAGES
from nimbus.api.placement.resource_classes import CLASSES, held, known
from nimbus.common import errors
from nimbus.scheduler import claims, hosts

GENERATION = 1  # of a consumer: a claim is made and given back whole, and never changed
TYPE = 'unknown'  # of every consumer, as the field's compute service gives none


def _resources(claim: Any) -> dict[str, int]:
    return held({column: getattr(claim, column) for column in CLASSES.values()})


def of_provider(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}/allocations."""
    with call.db.read() as tx:
        row = providers.host(tx, uuid)
        rows = claims.on(tx, row.id)
    more = {'consumer_generation': GENERATION} if call.speaks(ConsumerGenerations) else {}
    found = {claim.server_id: {'resources': _resources(claim), **more} for claim in rows}
    body = {'allocations': found, 'resource_provider_generation': row.generation}
    return dated(call, body, *(claim.created_at for claim in rows))


def of_consumer(call: Call, uuid: str) -> Reply:
    """GET /allocations/{uuid}: no allocations for an unknown consumer."""
    with call.db.read() as tx:
        claim = claims.of(tx, uuid)
        row = hosts.show(tx, claim.host_id) if claim else None
    if claim is None or row is None:
        return dated(call, {'allocations': {}})
    body: dict[str, Any] = {'allocations': {row.id: {'resources': _resources(claim), 'generation': row.generation}}}
    if call.speaks(Owners):
        body |= {'project_id': claim.project_id, 'user_id': claim.user_id}
    if call.speaks(ConsumerGenerations):
        body['consumer_generation'] = GENERATION
    if call.speaks(ConsumerTypes):
        body['consumer_type'] = TYPE
    return dated(call, body, claim.created_at)


def usages(call: Call) -> Reply:
    """GET /usages?project_id=: what the servers of a project hold, of one user if one is named."""
    project_id, user_id, kind = call.arg('project_id'), call.arg('user_id'), call.arg('consumer_type')
    call.check(USAGES, project_id=project_id)
    typed = call.speaks(ConsumerTypes)
    known(call, 'project_id', 'user_id', *(['consumer_type'] if typed else []))
    if not project_id:
        raise errors.Invalid("Invalid query string parameters: 'project_id' is a required property")
    for name, value in (('project_id', project_id), ('user_id', user_id), ('consumer_type', kind)):
        if value is not None and not 1 <= len(value) <= 255:
            raise errors.Invalid(f'Invalid query string parameters: {name} has 1 to 255 characters.')
    if kind is not None and not re.fullmatch(r'[A-Z0-9_]+|all|unknown', kind):
        raise errors.Invalid(
            f"Invalid query string parameters: consumer_type is of A-Z, 0-9 and _, or all or unknown. Got: '{kind}'"
        )
    with call.db.read() as tx:
        used = held(claims.used_by(tx, project_id, user_id))
        count = claims.count_by(tx, project_id, user_id) if typed else 0
    if not typed:
        return dated(call, {'usages': used})
    shown = {kind or TYPE: {**used, 'consumer_count': count}} if count and kind in (None, 'all', TYPE) else {}
    return dated(call, {'usages': shown})
