"""Build the `Guest` value of a server for its host, from the server, its ports and its volumes."""

from collections.abc import Iterator
from typing import Any

from nimbus.common import numbers
from nimbus.common.database import db
from nimbus.compute.devices import device_names
from nimbus.compute.guest import NICS, Blank, Guest, Image, Nic, Volume, is_true
from nimbus.compute.servers import servers
from nimbus.network.ports import ports
from nimbus.volume.volumes import attachments

SWAP = 'swap'
CDROM = 'cdrom'
CARDS = 'quota:vif_'
MOST_QUEUES = 256  # of a tap, in the kernels of today
EPHEMERAL_FORMAT = 'ext4'


def describe(
    tx: db.Tx, server_id: str, config_drive: dict[str, str] | None = None, flavor: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The server's Guest as plain JSON.  Raises NotFound.

    `config_drive` is given when the guest is made; a host keeps the drive from then on.  `flavor` is another one than
    the server has.
    """
    spec = servers.spec(tx, server_id)
    spec |= {'flavor': flavor} if flavor else {}
    flavor, properties = spec['flavor'], _properties(spec['image'])
    guest = Guest(
        id=spec['id'],
        name=spec['name'],
        display_name=spec['display_name'],
        project_id=spec['project_id'],
        user_id=spec['user_id'],
        vcpus=flavor['vcpus'],
        memory_mb=flavor['ram'],
        root_gb=root_gb(spec),
        blanks=tuple(blanks(spec)),
        image=None if boots_from_volume(spec) else image(spec['image']),
        kernel=image((spec['image'] or {}).get('kernel')),
        ramdisk=image((spec['image'] or {}).get('ramdisk')),
        root_properties=properties if boots_from_volume(spec) else {},
        nics=tuple(_nic(nic, flavor, properties) for nic in ports.nics(tx, server_id)),
        volumes=tuple(volumes(tx, server_id, spec)),
        extra_specs=flavor.get('extra_specs') or {},
        config_drive=config_drive,
        generation=spec['generation'],
    )
    return guest.to_dict()


def boots_from_volume(spec: dict[str, Any]) -> bool:
    """Whether the server's root disk is a volume."""
    return any(device['boot_index'] == 0 and device['destination'] == 'volume' for device in spec['bdms'])


def root_gb(spec: dict[str, Any]) -> int:
    """GiB of the root disk on the host itself."""
    return 0 if boots_from_volume(spec) else spec['flavor']['disk']


def local_gb(spec: dict[str, Any]) -> int:
    """GiB that the guest takes of its host's own disk."""
    return root_gb(spec) + -(-sum(blank.size_mb for blank in blanks(spec)) // 1024)


def blanks(spec: dict[str, Any]) -> Iterator[Blank]:
    """The empty disks of the server's guest: those asked for one by one go before what its flavor would give."""
    flavor = spec['flavor']
    asked = [device for device in spec['bdms'] if (device['source'], device['destination']) == ('blank', 'local')]
    swaps = [device for device in asked if device['guest_format'] == SWAP]
    ephemerals = [device for device in asked if device['guest_format'] != SWAP]
    for number, device in enumerate(ephemerals):
        size = (device['size'] or flavor.get('ephemeral') or 0) * 1024
        if size:
            kind, bus = device['guest_format'] or EPHEMERAL_FORMAT, device.get('disk_bus') or ''
            yield Blank(f'eph{number}', size, kind, _short(device['device']), bus)
    if not ephemerals and flavor.get('ephemeral'):
        yield Blank('local', flavor['ephemeral'] * 1024, EPHEMERAL_FORMAT)
    size = swaps[0]['size'] if swaps and swaps[0]['size'] else flavor.get('swap')
    if size:
        own = swaps[0] if swaps else {'device': ''}
        yield Blank(SWAP, size, SWAP, _short(own['device']), own.get('disk_bus') or '')


def _short(device: str | None) -> str:
    return (device or '').removeprefix('/dev/')


def image(facts: dict[str, Any] | None) -> Image | None:
    """An image as a host fetches it, from what is kept of it with a server."""
    if facts is None:
        return None
    return Image(
        id=facts['id'],
        disk_format=facts['disk_format'],
        size=facts['size'],
        hash_algo=facts['os_hash_algo'],
        hash_value=facts['os_hash_value'],
        min_disk_gb=facts['min_disk'] or 0,
        properties=_properties(facts),
    )


def _properties(facts: dict[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in ((facts or {}).get('properties') or {}).items()}


def card(tx: db.Tx, server_id: str, port_id: str) -> Nic:
    """A port that the server has, as its guest's host sees it."""
    row = servers.row_of(tx, server_id)
    (found,) = [nic for nic in ports.nics(tx, server_id) if nic['port_id'] == port_id]
    return _nic(found, row.flavor, _properties(row.image))


def _nic(nic: dict[str, Any], flavor: dict[str, Any], properties: dict[str, str]) -> Nic:
    facts = {name: nic[name] for name in ('port_id', 'mac', 'bridge', 'tap', 'mtu')}
    specs, model = flavor.get('extra_specs') or {}, properties.get('hw_vif_model', '')
    model = model if model in NICS else NICS[0]
    if model == NICS[0]:
        many, packed = (
            is_true(specs.get(f'hw:{name}') or properties.get(f'hw_{name}'))
            for name in ('vif_multiqueue_enabled', 'virtio_packed_ring')
        )
        facts |= {'queues': min(flavor['vcpus'], MOST_QUEUES) if many else 1, 'packed': packed}
    return Nic(**facts, model=model, limits=_limits(specs))


def _limits(specs: dict[str, Any]) -> dict[str, int]:
    """What the flavor lets through each card: KiB a second on average and at most, and KiB at once."""
    given = {
        name.removeprefix(CARDS): numbers.read(str(value)) for name, value in specs.items() if name.startswith(CARDS)
    }
    return {name: value for name, value in given.items() if value and name.partition('_')[0] in ('inbound', 'outbound')}


def volumes(tx: db.Tx, server_id: str, spec: dict[str, Any]) -> list[Volume]:
    """The server's volumes that its host is connected to, in the order they were asked for."""
    connected = {row.id: row for row in attachments.of_server(tx, server_id)}
    return [
        volume(device, connected[device['attachment_id']].connection, device_names.usual_bus(spec['image']))
        for device in spec['bdms']
        if device['attachment_id'] in connected and connected[device['attachment_id']].connection
    ]


def volume(device: dict[str, Any], connection: dict[str, Any], bus: str = device_names.USUAL) -> Volume:
    """A block device as its guest's host reaches it."""
    return Volume(
        id=device['volume_id'],
        attachment_id=device['attachment_id'],
        device=_short(device['device']),
        driver_volume_type=connection['driver_volume_type'],
        data=connection['data'],
        size_gb=device['size'] or 0,
        boot=device['boot_index'] == 0,
        bus=device['disk_bus'] or bus,
        cdrom=device.get('device_type') == CDROM,
    )
