"""Create servers: check the request, write the rows and start the build job in one transaction."""

import dataclasses
import re
import secrets
import string
from typing import Any

from nimbus.common import clock, context, errors, ids, jobs
from nimbus.common.database import db
from nimbus.compute import notifications, states
from nimbus.compute.devices import block_requests, device_names
from nimbus.compute.devices.block_requests import ROOT
from nimbus.compute.flavors import flavors
from nimbus.compute.models import BlockDevice, Server, ServerTag
from nimbus.compute.servers import boot_checks, groups, lookups, servers
from nimbus.image.images import images
from nimbus.network import quotas as network_quotas
from nimbus.network.networks import networks
from nimbus.network.security_groups import groups as security_groups
from nimbus.volume import types
from nimbus.volume.volumes import attachments, snapshots, volumes

MOST = 1000  # servers of one request, which are written in one transaction: nobody else writes meanwhile


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A request for new servers; its schema and policy are checked already."""

    name: str
    flavor_id: str
    image_id: str | None = None
    description: str | None = None
    hostname: str | None = None
    min_count: int = 1
    max_count: int = 1
    networks: Any = None  # a list of {uuid, port, fixed_ip, tag}, 'auto', 'none' or None
    security_groups: tuple[str, ...] = ('default',)
    devices: tuple[block_requests.Device, ...] = ()
    key_name: str | None = None
    user_data: str | None = None
    personality: tuple[dict[str, str], ...] = ()
    config_drive: bool = False
    properties: dict[str, str] = dataclasses.field(default_factory=dict)
    tags: tuple[str, ...] = ()
    zone: str | None = None
    forced_host: str | None = None
    forced_node: str | None = None
    requested_host: str | None = None  # must exist, and passes the scheduler's filters
    requested_node: str | None = None
    hints: dict[str, Any] = dataclasses.field(default_factory=dict)
    admin_pass: str | None = None
    disk_config: str | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    may_have_no_disk: bool = False  # a flavor without a disk may be booted from an image


@dataclasses.dataclass
class Found:
    """The image, flavor, key pair and other things that a request names, looked up."""

    flavor: Any
    image: dict[str, Any] | None
    key: dict[str, Any] | None
    networks: list[Any]
    security_groups: list[str]
    devices: list[block_requests.Device]
    root_device: str
    zone: str | None


def boot(tx: db.Tx, asker: context.Context, wanted: Wanted) -> list[Any]:
    """Between min_count and max_count servers are being built, as many as the quota has room for; returns the rows.

    Raises Invalid, Forbidden, Conflict and OverQuota; then nothing of them stands.
    """
    found = _find(tx, asker, wanted)
    boot_checks.limits(tx, asker, wanted.properties, wanted.personality)
    most = _with_ports(tx, asker, wanted, found.networks)
    count = boot_checks.take_quota(tx, asker, found.flavor, wanted.min_count, most)
    if count > MOST:
        raise errors.Invalid(f'One request builds at most {MOST} servers; max_count asks for {wanted.max_count}.')
    if group_id := named_group(wanted.hints):
        groups.room(tx, asker, group_id, count)
    reservation = 'r-' + ''.join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
    return [_write(tx, asker, wanted, found, index, count, reservation) for index in range(count)]


def _find(tx: db.Tx, asker: context.Context, wanted: Wanted) -> Found:
    flavor = lookups.or_invalid(flavors.show, tx, asker, wanted.flavor_id)
    image = lookups.image(tx, asker, wanted.image_id)
    root = next((device for device in wanted.devices if device['boot_index'] == ROOT), None)
    devices = block_requests.with_flavors(list(wanted.devices), flavor)
    block_requests.check_local(devices, flavor)
    _check_disks(tx, asker, wanted, devices)
    image = image or _root_image(tx, asker, root)
    root_name = device_names.root(image, devices)
    devices = device_names.named(devices, root_name, from_image=root is None, usual=device_names.usual_bus(image))
    boot_checks.image_fits(image, flavor, wanted.may_have_no_disk, root)
    boot_checks.wishes_can_be_met(flavor, image)
    boot_checks.hosts_exist(tx, wanted.requested_host, wanted.requested_node)
    return Found(
        flavor=flavor,
        image=image,
        key=lookups.key(tx, asker, wanted.key_name),
        networks=_networks(tx, asker, wanted),
        security_groups=_security_groups(tx, asker, wanted.security_groups),
        devices=devices,
        root_device=root_name,
        zone=boot_checks.zone_for(tx, wanted.zone, wanted.forced_host),
    )


def _root_image(tx: db.Tx, asker: context.Context, root: block_requests.Device | None) -> dict[str, Any] | None:
    """What is known of the image that a root volume was made from, or will be: it is not the server's own."""
    if root is None or root['source'] not in ('image', 'snapshot', 'volume'):
        return None
    if root['source'] == 'image':
        found = boot_checks.image_facts(images.show(tx, asker, root['image_id']))
    elif root['source'] == 'snapshot':
        found = snapshots.show(tx, asker, root['snapshot_id']).image
    else:
        found = volumes.show(tx, asker, root['volume_id']).image
    return {**lookups.with_boot_files(tx, asker, found), 'id': None} if found else None


def _check_disks(tx: db.Tx, asker: context.Context, wanted: Wanted, devices: list[block_requests.Device]) -> None:
    """Nothing, when every volume, image and volume type named is there and the asker's."""
    for device in devices:
        if given := device['volume_type']:
            sentence = f'Volume type {given} could not be found.'
            lookups.or_invalid(types.by_name_or_id, tx, asker, given, sentence=sentence)
        if device['source'] == 'volume':
            if wanted.max_count > 1:
                raise errors.Invalid('Cannot attach one or more volumes to multiple instances')
            failed = f'failed to get volume {device["volume_id"]}.'
            row = lookups.or_invalid(
                volumes.show,
                tx,
                asker,
                device['volume_id'],
                sentence=block_requests.invalid(failed).sentence,
            )
            if device['boot_index'] == ROOT and not row.bootable:
                raise errors.Invalid(f'Block Device {device["volume_id"]} is not bootable.')
            device['size'] = row.size
        elif device['source'] == 'image':
            failed = block_requests.invalid(f'failed to get image {device["image_id"]}.').sentence
            row = lookups.or_invalid(images.show, tx, asker, device['image_id'], sentence=failed)
            if row.status != 'active':
                raise errors.Invalid(f'Image {device["image_id"]} is not active.')
        elif device['source'] == 'snapshot':
            _check_snapshot(tx, asker, device)


def _check_snapshot(tx: db.Tx, asker: context.Context, device: block_requests.Device) -> None:
    """Nothing, when a volume of the device's size can be made of the snapshot, whose size it has without its own."""
    snapshot_id = device['snapshot_id']
    failed = block_requests.invalid(f'failed to get snapshot {snapshot_id}.').sentence
    row = lookups.or_invalid(snapshots.show, tx, asker, snapshot_id, sentence=failed)
    if device['boot_index'] == ROOT and not row.bootable:
        raise errors.Invalid(f'Block Device {snapshot_id} is not bootable.')
    lookups.or_invalid(snapshots.source, tx, asker, snapshot_id)
    device['size'] = device['size'] or row.size
    if device['size'] < row.size:
        raise block_requests.invalid(f'a volume of snapshot {snapshot_id} needs a size of {row.size} GiB or more.')


def _networks(tx: db.Tx, asker: context.Context, wanted: Wanted) -> list[Any]:
    asked = wanted.networks
    if isinstance(asked, list) and wanted.max_count > 1:
        for nic in asked:
            if nic.get('port'):
                raise errors.Invalid(
                    'Failed to launch instances: Unable to launch multiple instances with a single configured '
                    'port ID. Please launch your instance one by one with different ports.'
                )
            if nic.get('fixed_ip'):
                raise errors.Invalid(
                    'Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified.'
                )
    return list(lookups.or_invalid(networks.for_boot, tx, asker, asked))


def _with_ports(tx: db.Tx, asker: context.Context, wanted: Wanted, nics: list[Any]) -> int:
    """How many servers the project has ports left for, of those asked for.  Raises OverQuota.

    The ports are made with each server: another request may be first.
    """
    each = sum(not nic['port_id'] for nic in nics)
    room = network_quotas.room(tx, asker.project_id or '', 'port') if each else None
    if room is None:
        return wanted.max_count
    if room // each < wanted.min_count:
        raise errors.OverQuota('Maximum number of ports exceeded')
    return min(wanted.max_count, room // each)


def _security_groups(tx: db.Tx, asker: context.Context, names: tuple[str, ...]) -> list[str]:
    """The ids of the groups; the project's default group is made the first time it is needed."""
    if 'default' in names:
        security_groups.ensure_default(tx, asker, asker.project_id)
    return list(lookups.or_invalid(security_groups.resolve, tx, asker, list(names)))


def _write(
    tx: db.Tx, asker: context.Context, wanted: Wanted, found: Found, index: int, count: int, reservation: str
) -> Any:
    """One server's rows and job stand; returns the server's row."""
    server_id = ids.dashed()
    suffix = f'-{index + 1}' if count > 1 else ''
    hostname = wanted.hostname or (f'{host}{suffix}' if (host := as_hostname(wanted.name)) else f'Server-{server_id}')
    tx.insert(
        Server,
        id=server_id,
        project_id=asker.project_id,
        user_id=asker.user_id,
        name=f'{wanted.name}{suffix}',
        hostname=hostname,
        reservation_id=reservation,
        launch_index=index,
        vm_state=states.BUILDING,
        task_state=states.SCHEDULING,
        power_state=states.NO_POWER,
        progress=0,
        locked=False,
        generation=0,
        created_at=(now := clock.Clock().now()),
        updated_at=now,
        **_columns(wanted, found),
    )
    for tag in sorted(set(wanted.tags)):
        tx.insert(ServerTag, server_id=server_id, tag=tag)
    for device in found.devices:
        _write_device(tx, asker, server_id, device)
    if group_id := named_group(wanted.hints):
        groups.join(tx, group_id, server_id)
    jobs.start(tx, asker, 'build_server', server_id)
    notifications.began(tx, asker, server_id, 'build')
    return servers.row_of(tx, server_id)


def _columns(wanted: Wanted, found: Found) -> dict[str, Any]:
    """What is the same in the rows of all servers of one request."""
    return dict(
        description=wanted.description,
        pinned_zone=found.zone,
        forced_host=wanted.forced_host or wanted.requested_host,
        forced_node=wanted.forced_node or wanted.requested_node,
        hints=wanted.hints,
        flavor_id=found.flavor.id,
        flavor=flavors.facts(found.flavor),
        image_id=wanted.image_id,
        image=found.image,
        networks=found.networks,
        security_groups=found.security_groups,
        key_name=wanted.key_name,
        key=found.key,
        user_data=wanted.user_data,
        personality=list(wanted.personality),
        config_drive=wanted.config_drive or boot_checks.wants_config_drive(found.image),
        admin_pass=wanted.admin_pass,
        root_device=found.root_device,
        disk_config=wanted.disk_config or 'MANUAL',
        access_ip_v4=wanted.access_ip_v4,
        access_ip_v6=wanted.access_ip_v6,
        properties=wanted.properties,
    )


def named_group(hints: dict[str, Any]) -> str | None:
    """The id of the group that the hints name, if any.  Raises Invalid when they name several."""
    named = hints.get('group') or None
    if isinstance(named, list) and len(named) > 1:
        raise errors.Invalid('Server group scheduler hint must be a UUID: a server is in one group at most.')
    return named[0] if isinstance(named, list) else named


def _write_device(tx: db.Tx, asker: context.Context, server_id: str, device: block_requests.Device) -> None:
    """The device stands, and a volume that was there before is kept for the server."""
    kept = None
    if device['volume_id']:
        try:
            kept = attachments.reserve(tx, asker, device['volume_id'], server_id)
        except (errors.Conflict, errors.NotFound) as why:
            raise errors.Invalid(f'Invalid volume: {why.sentence}') from None
    values = {**device, 'attachment_id': kept, 'created_at': clock.Clock().now()}
    tx.insert(BlockDevice, id=ids.dashed(), server_id=server_id, **values)


def as_hostname(name: str) -> str:
    """The name as a host may be called, empty when nothing of it is left."""
    kept = name.encode('latin-1', 'ignore').decode('latin-1')[:63]
    kept = re.sub(r'[^\w-]+', '', re.sub(r'[ _.]', '-', kept))
    return kept.lower().strip('-')
