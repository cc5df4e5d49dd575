"""Checks of a request for new servers: quota, flavor against image, availability zone, host."""

from typing import Any

from nimbus.common import context, errors
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute import guest, user_quotas
from nimbus.compute.devices import guest_properties, wish_checks
from nimbus.compute.hosts import availability_zones
from nimbus.compute.quotas import QUOTAS

GIB = 1024**3
IMAGE_FACTS = (
    'id',
    'name',
    'status',
    'disk_format',
    'container_format',
    'size',
    'virtual_size',
    'min_disk',
    'min_ram',
    'os_hash_algo',
    'os_hash_value',
    'checksum',
    'owner',
    'visibility',
)


def image_facts(row: Any) -> dict[str, Any]:
    """The values of the image that are kept with the server."""
    return {name: getattr(row, name) for name in IMAGE_FACTS} | {'properties': dict(row.properties or {})}


def image_fits(image: dict[str, Any] | None, flavor: Any, may_have_no_disk: bool, root: Any) -> None:
    """Nothing, when the flavor is large enough for the image.  Raises Invalid, naming both sizes, and Forbidden.

    `root` is the device of a root volume, None where the root is a disk of the flavor's size.
    """
    if image is None:
        return
    _ram_fits(flavor.ram, image.get('min_ram'))
    least = image.get('min_disk') or 0
    if root is not None:
        if root['source'] == 'image' and least > root['size']:
            raise errors.Invalid(
                'Volume is smaller than the minimum size specified in image metadata. '
                f'Volume size is {root["size"] * GIB} bytes, minimum size is {least * GIB} bytes.'
            )
        return
    if flavor.disk == 0:
        if not may_have_no_disk:
            raise errors.Forbidden('Only volume-backed servers are allowed for flavors with zero disk.')
        return
    largest = max(image['size'] or 0, image['virtual_size'] or 0)
    if largest > flavor.disk * GIB:
        raise errors.Invalid(
            f"Flavor's disk is too small for requested image. Flavor disk is {flavor.disk * GIB} bytes, "
            f'image is {largest} bytes.'
        )
    if least > flavor.disk:
        raise errors.Invalid(
            "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is "
            f'{flavor.disk * GIB} bytes, minimum size is {least * GIB} bytes.'
        )


def _ram_fits(ram: int, needed: int | None) -> None:
    if ram < (needed or 0):
        raise errors.Invalid(
            f"Flavor's memory is too small for requested image. Flavor memory is {ram} MB, image needs {needed} MB."
        )


def wishes_can_be_met(flavor: Any, image: dict[str, Any] | None) -> None:
    """Nothing, when all that flavor and image ask of the guest is supported.  Raises Invalid."""
    specs, properties = flavor.extra_specs or {}, (image or {}).get('properties') or {}
    guest_properties.check_flavor(specs)
    guest_properties.check_image(properties)
    wish_checks.check(specs, properties)
    guest.topology(flavor.vcpus, specs, properties)


def wants_config_drive(image: dict[str, Any] | None) -> bool:
    """Whether the image insists on a config drive."""
    return ((image or {}).get('properties') or {}).get('img_config_drive') == 'mandatory'


def limits(
    tx: db.Tx, asker: context.Context, properties: dict[str, str], personality: tuple[dict[str, str], ...]
) -> None:
    """Nothing, when a server may have so many properties and files.  Raises OverQuota."""
    allowed = user_quotas.limits(tx, asker.project_id or '', asker.user_id or '')

    def over(resource: str, count: int) -> bool:
        return allowed[resource] != -1 and count > allowed[resource]

    if over('metadata_items', len(properties)):
        raise errors.OverQuota(f'Maximum number of metadata items exceeds {allowed["metadata_items"]}')
    if over('injected_files', len(personality)):
        raise errors.OverQuota('Personality file limit exceeded')
    for file in personality:
        if over('injected_file_path_bytes', len(file['path'].encode())):
            raise errors.OverQuota(f'Personality file path exceeds maximum {allowed["injected_file_path_bytes"]}')
        if over('injected_file_content_bytes', len(file['contents']) * 3 // 4):
            limit = allowed['injected_file_content_bytes']
            raise errors.OverQuota(f'Personality file content exceeds maximum {limit}')


def take_quota(tx: db.Tx, asker: context.Context, flavor: Any, least: int, most: int) -> int:
    """The project holds as many servers of the flavor as it has room for, within the bounds; returns how many.

    Raises OverQuota when there is no room for the least.
    """
    project_id = asker.project_id or ''

    def take(count: int) -> None:
        with tx.connection.begin_nested():
            amounts = {'instances': count, 'cores': count * flavor.vcpus, 'ram': count * flavor.ram}
            user_quotas.take(tx, project_id, asker.user_id, **amounts)

    try:
        take(most)
        return most
    except errors.OverQuota as why:
        room = _room(tx, project_id, asker.user_id or '', flavor)
        if least < most and least <= room:
            take(room)
            return room
        if least < most:
            raise errors.OverQuota(
                why.sentence.replace(f'Requested {most}', f'Requested {least}-{most}', 1), **why.facts
            ) from None
        raise


def _room(tx: db.Tx, project_id: str, user_id: str, flavor: Any) -> int:
    needs = {'instances': 1, 'cores': flavor.vcpus, 'ram': flavor.ram}
    rooms = [
        (held[name].limit - held[name].used) // need
        for held in (QUOTAS.show(tx, project_id), user_quotas.show(tx, project_id, user_id))
        for name, need in needs.items()
        if need and held[name].limit != -1
    ]
    return max(0, min(rooms))


def zone_for(tx: db.Tx, zone: str | None, forced_host: str | None) -> str | None:
    """The zone a server is pinned to: the one asked for, unless a host outside of it was forced.  Raises Invalid."""
    if zone and forced_host:
        return zone if availability_zones.of_hosts(tx).get(forced_host, zone) == zone else None
    if zone and zone not in availability_zones.names(tx):
        raise errors.Invalid('The requested availability zone is not available')
    return zone


def hosts_exist(tx: db.Tx, host: str | None, node: str | None) -> None:
    """Nothing, when the host and the hypervisor asked for are there.  Raises Invalid."""
    known = services.find(tx, room='compute', binary='nova-compute') if host or node else []
    if host and host not in {row.host for row in known}:
        raise errors.Invalid(f'Compute host {host} could not be found.')
    nodes = {(row.facts or {}).get('hypervisor_hostname', row.host) for row in known}
    if node and node not in nodes:
        raise errors.Invalid(f'Compute host {node} could not be found.')
