"""What operators ask of the hosts with volumes over HTTP: abilities, freezing and thawing, and clean-up."""

from typing import Any

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Route
from nimbus.api.volume import info
from nimbus.api.volume.microversions import CleanedWorkers
from nimbus.api.volume.volume_actions import BOOLEAN, truth
from nimbus.common import errors, jobs
from nimbus.common.agents import services
from nimbus.volume import hosts

NAME = {'type': 'string', 'minLength': 1, 'maxLength': 255}
FROZEN = Shape({
    'type': 'object', 'additionalProperties': False, 'anyOf': [{'required': ['host']}, {'required': ['cluster']}],
    'properties': {'host': NAME, 'cluster': {**NAME, 'type': ['string', 'null']}},
})  # fmt: skip
TYPES = ('Volume', 'Snapshot')
CLEANED = Shape({
    'type': 'object', 'additionalProperties': False,
    'properties': {
        'cluster_name': NAME, 'host': NAME, 'disabled': BOOLEAN, 'is_up': BOOLEAN,
        'binary': {'type': 'string', 'enum': ['cinder-volume', 'cinder-scheduler']},
        'resource_id': {'type': ['string', 'null'], 'format': 'uuid'},
        'resource_type': {'type': ['string', 'null'], 'maxLength': 255},
        'service_id': {'type': ['string', 'integer', 'null'], 'pattern': '^[0-9]*$', 'maxLength': 11},
    },
})  # fmt: skip


def capabilities(call: Call, host: str) -> dict[str, Any]:
    """What the store of a host is; no key of it is an extra spec with a meaning of its own."""
    with call.db.read() as tx:
        row = _at(tx, host)
        if row is None:
            raise errors.NotFound(f"Can't find service: {host}")
    told = hosts.capabilities(row)
    kept = ('vendor_name', 'volume_backend_name', 'driver_version', 'storage_protocol')
    return {
        'namespace': f'OS::Storage::Capabilities::{info.name(row)}',
        **{name: told[name] for name in kept},
        'pool_name': told['volume_backend_name'],
        **dict.fromkeys(('display_name', 'description', 'visibility')),
        'replication_targets': [],
        'properties': {},
    }


def _at(tx: Any, host: str) -> Any:
    """The host's row, by its name with or without its backend; None where there is none."""
    return next((row for row in hosts.find(tx) if host in (row.host, info.name(row))), None)


def freeze(call: Call) -> None:
    """The host is given no volumes, and what it keeps is neither deleted nor copied."""
    _freeze(call, True)


def thaw(call: Call) -> None:
    """The host is in service again."""
    _freeze(call, False)


def _freeze(call: Call, frozen: bool) -> None:
    host = call.body.get('host')
    if not host:
        raise errors.NotFound(f'Cluster {call.body["cluster"]} could not be found.')
    with call.db.write() as tx:
        row = _at(tx, host)
        if row is None:
            raise errors.Invalid(f'Invalid input received: there is no host {host} with volumes.')
        if row.frozen == frozen:
            raise errors.Invalid(
                f'Invalid input received: frozen in {info.name(row)} must be {not frozen} to change it.'
            )
        reason = 'frozen' if frozen else ''
        services.change(tx, row.id, frozen=frozen, disabled=frozen, disabled_reason=reason)


def cleanup(call: Call) -> dict[str, Any]:
    """The conductors look for what was left undone; they do so by themselves as well, so that nothing waits for it."""
    wanted = call.body or {}
    kind = (wanted.get('resource_type') or '').title()
    if kind and kind not in TYPES:
        raise errors.Invalid(
            f'Invalid input received: Resource type {kind[:40]} not valid, must be {" or ".join(TYPES)}'
        )
    if wanted.get('resource_id') and not wanted.keys() & {'service_id', 'cluster_name', 'host'}:
        raise errors.Invalid(
            f'Invalid input received: There is no resource with UUID {wanted["resource_id"]} pending cleanup.'
        )
    with call.db.write() as tx:
        rows = [row for row in services.find(tx, 'volume') if _meant(call, row, wanted)]
        jobs.look(tx)
    told: dict[str, list[Any]] = {'cleaning': [], 'unavailable': []}
    for row in rows:
        told['cleaning' if info.up(call, row) else 'unavailable'].append(
            {'id': row.seq, 'host': info.name(row), 'binary': row.binary, 'cluster_name': None}
        )
    return told


def _meant(call: Call, row: Any, wanted: dict[str, Any]) -> bool:
    """Whether the request speaks of the daemon; it speaks of those that are down where it does not say."""
    is_up = info.up(call, row)
    return (
        is_up == truth(wanted.get('is_up', False))
        and ('disabled' not in wanted or row.disabled == truth(wanted['disabled']))
        and wanted.get('binary') in (None, row.binary)
        and wanted.get('host') in (None, row.host, info.name(row))
        and not wanted.get('cluster_name')
        and str(wanted.get('service_id') or row.seq) == str(row.seq)
    )


ROUTES = (
    Route('GET', '/capabilities/{host}', capabilities, 'volume_extension:capabilities'),
    Route('PUT', '/os-services/freeze', freeze, 'volume:freeze_host', 202, shape=FROZEN),
    Route('PUT', '/os-services/thaw', thaw, 'volume:thaw_host', 202, shape=FROZEN),
    Route('POST', '/workers/cleanup', cleanup, 'workers:cleanup', 202, since=CleanedWorkers.number, shape=CLEANED),
)
