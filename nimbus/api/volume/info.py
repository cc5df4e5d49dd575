"""Versions, extensions, services, availability zones and pools of the Block Storage API over HTTP."""

from typing import Any

from nimbus.api.kit import extensions
from nimbus.api.kit.extensions import Extension
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.api.kit.versions import show as number
from nimbus.api.volume.microversions import VOLUME
from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.common.clock import iso_micro
from nimbus.volume import hosts, types

WORD = {'type': 'string', 'minLength': 1, 'maxLength': 255}
SWITCH = Shape({
    'type': 'object',
    'properties': {'host': {**WORD, 'pattern': r'^[a-zA-Z0-9-._#@:/+\[\]]*$'}, 'binary': WORD, 'service': WORD},
    'required': ['host'], 'anyOf': [{'required': ['binary']}, {'required': ['service']}],
    'additionalProperties': False,
})  # fmt: skip
REASONED = Shape(
    {
        **SWITCH.schema,
        'required': ['host', 'disabled_reason'],
        'properties': {**SWITCH.schema['properties'], 'disabled_reason': WORD},
    }
)
UPDATED = '2018-07-17T00:00:00Z'
POOL_NAMES, POOL_TYPES = (3, 28), (3, 35)  # versions since which stores are filtered
SHOW = 'GET /volumes/{id}'
KNOWN = (
    Extension(
        'backups',
        'Backups',
        'Backups of volumes.',
        (
            'GET /backups',
            'POST /backups',
        ),
    ),
    Extension('OS-SCH-HNT', 'SchedulerHints', 'Hints for the scheduler with a new volume.', ('POST /volumes',)),
    Extension(
        'os-admin-actions',
        'AdminActions',
        "An operator's actions on a volume.",
        (
            'os-reset_status',
            'os-force_delete',
        ),
    ),
    Extension('os-availability-zone', 'AvailabilityZones', 'Availability zones.', ('GET /os-availability-zone',)),
    Extension(
        'os-extended-services',
        'ExtendedServices',
        'Why a daemon is disabled.',
        ('PUT /os-services/disable-log-reason',),
    ),
    Extension(
        'os-extended-snapshot-attributes',
        'ExtendedSnapshotAttributes',
        'The project and progress of a snapshot.',
        ('GET /snapshots/{id}',),
    ),
    Extension(
        'os-hosts',
        'Hosts',
        'Hosts and their volumes.',
        (
            'GET /os-hosts',
            'GET /os-hosts/{name}',
        ),
    ),
    Extension(
        'os-quota-class-sets',
        'QuotaClasses',
        'Quota classes.',
        (
            'GET /os-quota-class-sets/{name}',
            'PUT /os-quota-class-sets/{name}',
        ),
    ),
    Extension(
        'os-quota-sets',
        'Quotas',
        'Quotas of projects.',
        (
            'GET /os-quota-sets/{project}',
            'PUT /os-quota-sets/{project}',
        ),
    ),
    Extension(
        'os-services',
        'Services',
        "The volume service's daemons.",
        (
            'GET /os-services',
            'PUT /os-services/enable',
            'PUT /os-services/disable',
        ),
    ),
    Extension(
        'os-snapshot-actions',
        'SnapshotActions',
        'The state of a snapshot that is being made.',
        ('os-update_snapshot_status',),
    ),
    Extension(
        'os-types-extra-specs',
        'TypesExtraSpecs',
        'Extra specs of volume types.',
        (
            'GET /types/{id}/extra_specs',
            'POST /types/{id}/extra_specs',
        ),
    ),
    Extension(
        'os-types-manage',
        'TypesManage',
        'Making and deleting volume types.',
        (
            'POST /types',
            'DELETE /types/{id}',
        ),
    ),
    Extension('os-used-limits', 'UsedLimits', 'What a project holds, beside its limits.', ('GET /limits',)),
    Extension('os-vol-host-attr', 'VolumeHostAttribute', 'The host of a volume.', (SHOW,)),
    Extension(
        'os-vol-image-meta',
        'VolumeImageMetadata',
        'The image metadata of a volume.',
        (
            'os-set_image_metadata',
            'os-show_image_metadata',
            'os-unset_image_metadata',
        ),
    ),
    Extension('os-vol-mig-status-attr', 'VolumeMigStatusAttribute', 'The migration status of a volume.', (SHOW,)),
    Extension('os-vol-tenant-attr', 'VolumeTenantAttribute', 'The project of a volume.', (SHOW,)),
    Extension(
        'os-volume-actions',
        'VolumeActions',
        'Actions on a volume.',
        (
            'os-attach',
            'os-detach',
            'os-reserve',
            'os-unreserve',
            'os-extend',
            'os-update_readonly_flag',
        ),
    ),
    Extension(
        'os-volume-type-access',
        'VolumeTypeAccess',
        'The projects that may choose a private volume type.',
        (
            'GET /types/{id}/os-volume-type-access',
            'addProjectAccess',
            'removeProjectAccess',
        ),
    ),
    Extension(
        'os-volume-transfer', 'VolumeTransfer', 'Passing volumes to other projects.', ('POST /os-volume-transfer',)
    ),
    Extension(
        'scheduler-stats', 'Scheduler_stats', 'What each store has room for.', ('GET /scheduler-stats/get_pools',)
    ),
)


def _version(call: Call) -> dict[str, Any]:
    return {
        'id': 'v3.0',
        'status': 'CURRENT',
        'version': number(VOLUME.latest),
        'min_version': number(VOLUME.minimum),
        'updated': UPDATED,
        'links': [
            {'rel': 'describedby', 'type': 'text/html', 'href': 'https://docs.openstack.org/'},
            {'rel': 'self', 'href': f'{call.host_url}/v3/'},
        ],
        'media-types': [
            {'base': 'application/json', 'type': 'application/vnd.openstack.volume+json;version=3'}
        ],
    }  # fmt: skip


def every(call: Call) -> Reply:
    """GET / and GET /versions: every version, with status 300."""
    return Reply({'versions': [_version(call)]}, 300)


def own(call: Call) -> dict[str, Any]:
    """The version whose root was asked for."""
    return {'versions': [_version(call)]}


VERSIONS = (Route('GET', '/', every, None, 300, open=True), Route('GET', '/versions', every, None, 300, open=True))


def every_extension(call: Call) -> dict[str, Any]:
    """Every extension that is served."""
    found = extensions.served(KNOWN, call.api.routes)
    return {'extensions': [extensions.view(extension, UPDATED) for extension in found]}


def _down_time(call: Call) -> float:
    return call.parts.conf.service_down_time if call.parts.conf else 30


def up(call: Call, row: Any) -> bool:
    """Whether the daemon reported lately."""
    return services.is_up(row, _down_time(call))


def name(row: Any) -> str:
    """The daemon's host as volume clients name it: with the backend where it has one."""
    backend = row.facts.get('backend')
    return f'{row.host}@{backend}' if backend else row.host


def _service(call: Call, row: Any) -> dict[str, Any]:
    found = {
        'binary': row.binary,
        'host': name(row),
        'zone': row.zone,
        'status': 'disabled' if row.disabled else 'enabled',
        'state': 'up' if up(call, row) else 'down',
        'updated_at': iso_micro(row.seen_at),
        'disabled_reason': row.disabled_reason,
    }
    if row.binary == hosts.BINARY:
        found |= {'replication_status': 'disabled', 'active_backend_id': None, 'frozen': row.frozen}
    if call.version >= (3, 7):
        found['cluster'] = None
    if call.version >= (3, 49) and row.binary == hosts.BINARY:
        found['backend_state'] = 'up'
    return found


def service_list(call: Call) -> dict[str, Any]:
    """Every daemon of the volume service."""
    with call.db.read() as tx:
        rows = [_service(call, row) for row in services.find(tx, 'volume')]
    host, binary = call.arg('host'), call.arg('binary')
    return {'services': [row for row in rows if host in (None, row['host'], row['host'].partition('@')[0])
                         and binary in (None, row['binary'])]}  # fmt: skip


def enable(call: Call) -> dict[str, Any]:
    """The host is enabled: the scheduler may place volumes there."""
    return _switch(call, False)


def disable(call: Call) -> dict[str, Any]:
    """The host is disabled: the scheduler places no more volumes there."""
    return _switch(call, True)


def _switch(call: Call, disabled: bool) -> dict[str, Any]:
    host, binary = call.body['host'], call.body.get('binary') or call.body['service']
    reason = call.body.get('disabled_reason')
    with call.db.write() as tx:
        rows = services.find(tx, 'volume', host=host.partition('@')[0], binary=binary)
        if not rows:
            raise errors.NotFound(f'Service {binary} could not be found on host {host}.')
        services.change(tx, rows[0].id, disabled=disabled, disabled_reason=reason if disabled else None)
    found = {'host': host, 'service': binary, 'disabled': disabled, 'binary': binary,
             'status': 'disabled' if disabled else 'enabled'}  # fmt: skip
    return found if disabled and not reason else {**found, 'disabled_reason': reason if disabled else None}


def zones(call: Call) -> dict[str, Any]:
    """The availability zones of volumes."""
    with call.db.read() as tx:
        found = hosts.zones(tx)
    return {'availabilityZoneInfo': [
        {'zoneName': name, 'zoneState': {'available': free}} for name, free in sorted(found.items())
    ]}  # fmt: skip


def pools(call: Call) -> dict[str, Any]:
    """The pools: one for each host's store, filtered by name or volume type."""
    detail = (call.arg('detail') or '').lower() in ('true', '1')
    wanted = call.arg('name') if call.version >= POOL_NAMES else None
    kind = call.arg('volume_type') if call.version >= POOL_TYPES else None
    with call.db.read() as tx:
        type_id = types.by_name_or_id(tx, call.context, kind).id if kind else None
        rows = [row for row in hosts.find(tx) if type_id is None or hosts.suits(tx, row, type_id)]
    found = [_pool(row, detail) for row in rows]
    return {'pools': [pool for pool in found if wanted in (None, pool['name'])]}


def _pool(row: Any, detail: bool) -> dict[str, Any]:
    backend = row.facts.get('backend', 'nimbus')
    found: dict[str, Any] = {'name': f'{row.host}@{backend}#{backend}'}
    if detail:
        found['capabilities'] = {**hosts.capabilities(row), 'timestamp': iso_micro(row.seen_at)}
    return found
