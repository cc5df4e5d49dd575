"""Allocations: the claims of servers as placement shows them, by provider, by consumer and in all."""

import re
from typing import Any

from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement import providers
from nimbus.api.placement.answers import CLASSES, fresh, held, known
from nimbus.api.placement.history import ConsumerGenerations, ConsumerTypes, Owners
from nimbus.api.placement.policies import USAGES
from nimbus.common import errors
from nimbus.scheduler import claims, hosts

GENERATION = 1  # a claim is made once and never changed; a new one after it is another consumer's first
TYPE = 'INSTANCE'
TYPE_FORM = re.compile(r'([A-Z0-9_]+|all|unknown)\Z')


def _resources(claim: Any) -> dict[str, int]:
    return held({column: getattr(claim, column) for column in CLASSES.values()})


def of_provider(call: Call, uuid: str) -> Reply:
    """GET /resource_providers/{uuid}/allocations."""
    with call.db.read() as tx:
        row = providers.host(tx, uuid)
        rows = claims.on(tx, row.id)
    more = {'consumer_generation': GENERATION} if call.speaks(ConsumerGenerations) else {}
    found = {claim.server_id: {'resources': _resources(claim), **more} for claim in rows}
    changed = max((claim.created_at for claim in rows), default=None)
    return fresh(call, {'allocations': found, 'resource_provider_generation': row.generation}, changed)


def of_consumer(call: Call, uuid: str) -> Reply:
    """GET /allocations/{uuid}: nothing, where nobody knows the consumer."""
    with call.db.read() as tx:
        claim = claims.of(tx, uuid)
        row = hosts.show(tx, claim.host_id) if claim else None
    if claim is None or row is None:
        return fresh(call, {'allocations': {}})
    body: dict[str, Any] = {
        'allocations': {row.id: {'resources': _resources(claim), 'generation': row.generation}},
    }
    if call.speaks(Owners):
        body |= {'project_id': claim.project_id, 'user_id': claim.user_id}
    if call.speaks(ConsumerGenerations):
        body['consumer_generation'] = GENERATION
    if call.speaks(ConsumerTypes):
        body['consumer_type'] = TYPE
    return fresh(call, body, claim.created_at)


def usages(call: Call) -> Reply:
    """GET /usages?project_id=: what the servers of a project hold, of one user if one is named."""
    typed = call.speaks(ConsumerTypes)
    project_id, user_id = call.arg('project_id'), call.arg('user_id')
    call.check(USAGES, project_id=project_id)
    known(call, 'project_id', 'user_id', *(['consumer_type'] if typed else []))
    if not project_id:
        raise errors.Invalid("Invalid query string parameters: 'project_id' is a required property")
    for name, value in (('project_id', project_id), ('user_id', user_id)):
        if value is not None and not 1 <= len(value) <= 255:
            raise errors.Invalid(f'Invalid query string parameters: {name} has 1 to 255 characters.')
    kind = call.arg('consumer_type')
    if kind is not None and not (TYPE_FORM.match(kind) and len(kind) <= 255):
        raise errors.Invalid(f"Invalid query string parameters: '{kind}' does not match the form of a consumer_type.")
    with call.db.read() as tx:
        used, servers = claims.used_by(tx, project_id, user_id)
    found: dict[str, Any] = held(used)
    if typed:
        under = 'all' if kind == 'all' else TYPE
        found = {under: {**found, 'consumer_count': servers}} if servers and kind in (None, 'all', TYPE) else {}
    return fresh(call, {'usages': found})
