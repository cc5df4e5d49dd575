"""The views of a server in responses, in every version."""

import dataclasses
import functools
import hashlib
from typing import Any

from nimbus.api.compute import microversions
from nimbus.api.kit.fields import Flag, Int, Listing, Mapping, Noun, Text
from nimbus.common import clock
from nimbus.compute import states
from nimbus.compute.servers import servers

Row = Any
BEFORE_EMBEDDED = (2, 46)
BEFORE_PROPERTIES = (2, 97)


@dataclasses.dataclass
class Related:
    """What the views of a page of servers need beside their rows: one query each, however many servers."""

    root_url: str  # http://HOST:PORT/v2.1
    host_url: str
    addresses: dict[str, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)
    security_groups: dict[str, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)
    volumes: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    tags: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    host_states: dict[str, str] | None = None  # None: the asker may not see them
    groups: dict[str, list[str]] | None = None  # None: a list, which does not show them
    extra_specs: bool = False
    is_admin: bool = False
    made: dict[Any, Any] = dataclasses.field(
        default_factory=dict
    )  # what rows with equal flavors or images show of them


@functools.lru_cache(4096)
def host_id(project_id: str, host: str | None) -> str:
    """The hostId of a project's servers on a host: a hash that differs from project to project."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ''


def links(row: Row, related: Related) -> list[dict[str, str]]:
    """The server's own address, with and without the version."""
    return [
        {'rel': 'self', 'href': f'{related.root_url}/servers/{row.id}'},
        {'rel': 'bookmark', 'href': f'{related.host_url}/servers/{row.id}'},
    ]


def plain_addresses_of(row: Row, related: Related) -> dict[str, Any]:
    """The server's addresses without their kind and MAC, as changing and rebuilding it answer before 2.75."""
    return {
        network: [{name: one[name] for name in ('version', 'addr')} for one in held]
        for network, held in addresses_of(row, related).items()
    }


def addresses_of(row: Row, related: Related) -> dict[str, Any]:
    """The server's addresses by the name of the network, none while it is built."""
    if row.vm_state == states.BUILDING:
        return {}
    found: dict[str, Any] = {}
    for held in related.addresses.get(row.id, ()):
        found.setdefault(held['network'], []).append(
            {
                'version': held['version'],
                'addr': held['ip'],
                'OS-EXT-IPS:type': held.get('type', 'fixed'),
                'OS-EXT-IPS-MAC:mac_addr': held['mac'],
            }
        )
    return found


def _flavor_link(row: Row, related: Related) -> dict[str, Any]:
    href = f'{related.host_url}/flavors/{row.flavor_id}'
    return {'id': row.flavor_id, 'links': [{'rel': 'bookmark', 'href': href}]}


def _flavor_facts(row: Row, related: Related) -> dict[str, Any]:
    # The rows of a list share equal flavors and images as objects, which live as long as the rows do.
    key = 'flavor', id(row.flavor)
    found: dict[str, Any] | None = related.made.get(key)
    if found is None:
        found = related.made[key] = _flavor_shown(row.flavor, related)
    return found


def _flavor_shown(flavor: dict[str, Any], related: Related) -> dict[str, Any]:
    found = {name: flavor[name] for name in ('vcpus', 'ram', 'disk', 'ephemeral', 'swap')}
    found['original_name'] = flavor['name']
    if related.extra_specs:
        found['extra_specs'] = flavor['extra_specs']
    return found


def _image(row: Row, related: Related) -> Any:
    if not row.image_id:
        return ''
    href = f'{related.host_url}/images/{row.image_id}'
    return {'id': row.image_id, 'links': [{'rel': 'bookmark', 'href': href}]}


def _image_with_properties(row: Row, related: Related) -> Any:
    key = row.image_id, id(row.image)
    found = related.made.get(key)
    if found is None:
        found = related.made[key] = _image_shown(row, related)
    return found


def _image_shown(row: Row, related: Related) -> Any:
    found = _image(row, related)
    if found:
        found['properties'] = {
            name: value for name, value in row.image['properties'].items() if name.startswith(STANDARD)
        }
    return found


# The beginnings of the image properties that mean something to a hypervisor.
STANDARD = ('hw_', 'img_', 'os_', 'architecture', 'vm_mode', 'hypervisor_', 'auto_disk_config', 'traits_required')


def _fault(row: Row, related: Related) -> dict[str, Any] | None:
    if row.fault is None or row.vm_state not in states.FAULTY:
        return None
    found = {name: row.fault[name] for name in ('code', 'created', 'message')}
    if row.fault.get('details') and (related.is_admin or row.fault['code'] != 500):
        found['details'] = row.fault['details']
    return found


def _progress(row: Row, _related: Related) -> int | None:
    # Clients that wait print each value they see, so a build shows 0 while it runs as after it.
    return 0 if row.vm_state in states.PROGRESSING else None


def _volumes(row: Row, related: Related) -> list[dict[str, Any]]:
    return [{'id': device.volume_id} for device in related.volumes.get(row.id, ())]


def _volumes_and_fate(row: Row, related: Related) -> list[dict[str, Any]]:
    return [
        {'id': device.volume_id, 'delete_on_termination': device.delete_on_termination}
        for device in related.volumes.get(row.id, ())
    ]


def _host_status(row: Row, related: Related) -> str | None:
    if related.host_states is None:
        return None
    return related.host_states.get(row.host, 'UNKNOWN') if row.host else ''


def _groups(row: Row, related: Related) -> list[str] | None:
    return None if related.groups is None else related.groups.get(row.id, [])


def _security_groups(row: Row, related: Related) -> list[dict[str, str]] | None:
    held = related.security_groups.get(row.id)
    return [{'name': group['name']} for group in held] if held else None


class ServerName(Noun):
    """A server in the short list."""

    one, many = 'server', 'servers'
    id = Text()
    name = Text()
    links = Listing(source=links)


class Server(Noun):
    """A server as changing it answers before 2.75."""

    one, many = 'server', 'servers'
    accessIPv4 = Text(source=lambda row, related: row.access_ip_v4 or '')
    accessIPv6 = Text(source=lambda row, related: row.access_ip_v6 or '')
    addresses = Mapping(source=plain_addresses_of)
    created = Text(source=lambda row, related: clock.iso(row.created_at))
    flavor_link = Mapping(wire='flavor', source=_flavor_link, until=BEFORE_EMBEDDED)
    flavor = Mapping(source=_flavor_facts, since=microversions.FlavorEmbedded.number)
    hostId = Text(source=lambda row, related: host_id(row.project_id, row.host))
    id = Text()
    plain_image = Mapping(wire='image', source=_image, until=BEFORE_PROPERTIES)
    image = Mapping(source=_image_with_properties, since=microversions.ImageProperties.number)
    links = Listing(source=links)
    metadata = Mapping(source='properties')
    name = Text()
    status = Text(source=lambda row, related: states.status(row))
    tenant_id = Text(source='project_id')
    user_id = Text()
    updated = Text(source=lambda row, related: clock.iso(row.updated_at or row.created_at))
    disk_config = Text(wire='OS-DCF:diskConfig', source='disk_config')
    fault = Mapping(source=_fault, omit_none=True)
    progress = Int(source=_progress, omit_none=True)
    locked = Flag(since=microversions.LockedShown.number)
    description = Text(since=microversions.Descriptions.number)
    tags = Listing(source=lambda row, related: related.tags.get(row.id, []), since=microversions.Tags.number)
    trusted_image_certificates = Listing(
        source=lambda row, related: None, since=microversions.TrustedCertificates.number
    )
    server_groups = Listing(source=_groups, since=microversions.GroupsOfServer.number, omit_none=True)
    locked_reason = Text(since=microversions.LockedReason.number)


class ServerShown(Server):
    """A server as its owner sees it."""

    addresses = Mapping(source=addresses_of)
    zone = Text(wire='OS-EXT-AZ:availability_zone', source=lambda row, related: row.zone or row.pinned_zone or '')
    config_drive = Text(source=lambda row, related: 'True' if row.config_drive else '')
    key_name = Text()
    launched_at = Text(wire='OS-SRV-USG:launched_at', source=lambda row, related: clock.iso_micro(row.launched_at))
    terminated_at = Text(wire='OS-SRV-USG:terminated_at', source=lambda row, related: clock.iso_micro(row.deleted_at))
    security_groups = Listing(source=_security_groups, omit_none=True)
    task_state = Text(wire='OS-EXT-STS:task_state', source='task_state')
    vm_state = Text(wire='OS-EXT-STS:vm_state', source='vm_state')
    power_state = Int(wire='OS-EXT-STS:power_state', source='power_state')
    volumes_attached = Listing(wire='os-extended-volumes:volumes_attached', source=_volumes, until=(2, 2))
    volumes_and_fate = Listing(
        wire='os-extended-volumes:volumes_attached',
        source=_volumes_and_fate,
        since=microversions.MoreServerAttributes.number,
    )
    host_status = Text(source=_host_status, since=microversions.HostStatus.number, omit_none=True)
    hostname = Text(wire='OS-EXT-SRV-ATTR:hostname', source='hostname', since=microversions.Hostnames.number)
    pinned_zone = Text(wire='pinned_availability_zone', source='pinned_zone', since=microversions.PinnedZone.number)
    hints = Mapping(wire='scheduler_hints', source='hints', since=microversions.SchedulerHints.number)


class ServerForOperator(ServerShown):
    """A server as an operator sees it: with its host, hypervisor and instance name."""

    host = Text(wire='OS-EXT-SRV-ATTR:host', source='host')
    node = Text(wire='OS-EXT-SRV-ATTR:hypervisor_hostname', source='node')
    instance_name = Text(wire='OS-EXT-SRV-ATTR:instance_name', source=lambda row, related: servers.libvirt_name(row))
    hostname = Text(wire='OS-EXT-SRV-ATTR:hostname', source='hostname', since=microversions.MoreServerAttributes.number)
    reservation_id = Text(
        wire='OS-EXT-SRV-ATTR:reservation_id', source='reservation_id', since=microversions.MoreServerAttributes.number
    )
    launch_index = Int(
        wire='OS-EXT-SRV-ATTR:launch_index', source='launch_index', since=microversions.MoreServerAttributes.number
    )
    kernel_id = Text(
        wire='OS-EXT-SRV-ATTR:kernel_id',
        source=lambda row, related: servers.boot_file(row, 'kernel'),
        since=microversions.MoreServerAttributes.number,
    )
    ramdisk_id = Text(
        wire='OS-EXT-SRV-ATTR:ramdisk_id',
        source=lambda row, related: servers.boot_file(row, 'ramdisk'),
        since=microversions.MoreServerAttributes.number,
    )
    root_device = Text(
        wire='OS-EXT-SRV-ATTR:root_device_name', source='root_device', since=microversions.MoreServerAttributes.number
    )
    user_data = Text(
        wire='OS-EXT-SRV-ATTR:user_data', source='user_data', since=microversions.MoreServerAttributes.number
    )
