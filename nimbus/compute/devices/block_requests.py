"""Check a request's block device mappings, in version 1 or 2, and turn both into one form."""

from typing import Any

from nimbus.common import errors, numbers
from nimbus.compute.devices import guest_properties

BUSES = ('fdc', 'ide', 'sata', 'scsi', 'usb', 'virtio', 'xen', 'lxc', 'uml', 'nvme')
SWAP = 'swap'
CDROM_BUS = 'sata'  # every machine type has it
LOCAL_FORMATS = (SWAP, 'ext2', 'ext3', 'ext4')  # what a host makes of an empty disk of its own
ROOT_PATH = '/dev/vda'
ROOT = 0  # the boot index of the disk that a server boots from
Device = dict[str, Any]


def invalid(detail: str) -> errors.Invalid:
    """The refusal of a block device, with Nova's message."""
    return errors.Invalid(f'Block Device Mapping is Invalid: {detail}')


ROOTS_NAME = 'The volume cannot be assigned the same device name as the root device vda'
BAD_ORDER = 'Boot sequence for the instance and image/block device mapping combination is not valid.'


def from_v2(items: list[dict[str, Any]], image_id: str | None) -> list[Device]:
    """The devices that `block_device_mapping_v2` asks for, without the image that `imageRef` names as well.

    The list alone says what a server boots from: an image that it does not name makes no disk.  Raises Invalid.
    """
    devices = [_one(item, image_id) for item in items if not item.get('no_device')]
    if image_id and any((d['destination'], d['device']) == ('volume', ROOT_PATH) for d in devices):
        raise errors.Invalid(ROOTS_NAME)
    roots = [d for d in devices if _is_image_root(d)]
    devices = [d for d in devices if not _is_image_root(d)]
    return _ordered(devices, len(roots))


def _is_image_root(device: Device) -> bool:
    return (device['source'], device['destination'], device['boot_index']) == ('image', 'local', ROOT)


def _one(item: dict[str, Any], image_id: str | None) -> Device:
    source = item.get('source_type')
    if source is None:
        raise invalid('Some required fields are missing')
    uuid = item.get('uuid')
    if source == 'blank' and uuid:
        raise invalid('Invalid device UUID.')
    if source != 'blank' and not uuid:
        raise invalid('Missing device UUID.')
    destination = item.get('destination_type') or ('local' if source == 'image' else 'volume')
    if source == 'blank' and 'destination_type' not in item:
        destination = 'local'
    index = _index(item.get('boot_index'))
    if source == 'image' and destination == 'local' and not (image_id and index == ROOT):
        raise invalid('Mapping image to local is not supported.')
    if destination == 'local' and source in ('volume', 'snapshot'):
        raise invalid(f'Mapping {source} to local is not supported.')
    if item.get('volume_type') and destination == 'local':
        raise invalid('Specifying a volume_type with destination_type=local is not supported.')
    if item.get('volume_type') and source == 'volume':
        raise invalid('Specifying volume type to existing volume is not supported.')
    return _device(item, source, destination, uuid, index)


def _device(item: dict[str, Any], source: str, destination: str, uuid: str | None, index: int | None) -> Device:
    size = numbers.whole(item['volume_size'], 'volume_size') if item.get('volume_size') not in (None, '') else None
    if destination == 'volume' and source in ('image', 'blank') and not size:
        what = (
            "Images with destination_type 'volume' need to have a non-zero size specified"
            if source == 'image'
            else "Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size"
        )
        raise errors.Invalid(what)
    if item.get('disk_bus') and item['disk_bus'] not in BUSES:
        raise invalid(f'The provided disk bus {item["disk_bus"]} is not valid.')
    bus, kind = item.get('disk_bus'), item.get('device_type')
    guest_properties.check_device((source, destination) == ('image', 'local'), destination == 'volume', bus, kind)
    return {
        'source': source,
        'destination': destination,
        **{f'{kind}_id': uuid if source == kind else None for kind in ('image', 'snapshot', 'volume')},
        'volume_type': item.get('volume_type'),
        'boot_index': index,
        'device': _path(item.get('device_name')),
        'disk_bus': bus or (CDROM_BUS if kind == 'cdrom' else bus),
        'device_type': kind,
        'guest_format': item.get('guest_format'),
        'size': size,
        'tag': item.get('tag'),
        'delete_on_termination': truth(item.get('delete_on_termination', False)),
    }


def from_legacy(items: list[dict[str, Any]], image_id: str | None) -> list[Device]:
    """The devices that `block_device_mapping` asks for; the root is the one named vda, else the image.

    Raises Invalid.
    """
    devices = []
    for item in items:
        if item.get('no_device'):
            continue
        name = str(item.get('virtual_name') or '')
        index = None
        if name == 'swap' or name.startswith('ephemeral'):
            kind, uuid, where = 'blank', None, 'local'
            item = {**item, 'delete_on_termination': True, 'guest_format': 'swap' if name == 'swap' else None}
        elif item.get('snapshot_id') or item.get('volume_id'):
            kind = 'snapshot' if item.get('snapshot_id') else 'volume'
            uuid, where = item[f'{kind}_id'], 'volume'
            index = ROOT if _path(item.get('device_name')) == ROOT_PATH else None
        else:
            raise invalid('Unrecognized legacy format.')
        devices.append(_device(item, kind, where, uuid, index))
    rooted = any(d['boot_index'] == ROOT for d in devices)
    return _ordered(devices, 1 if image_id and not rooted else 0)


def _ordered(devices: list[Device], images: int) -> list[Device]:
    """The devices, whose boot indexes count up from the root's, of which there is one.  Raises Invalid.

    `images` are the images on the host's own disk that ask to be the root beside them.
    """
    indexes = [ROOT] * images + sorted(d['boot_index'] for d in devices if d['boot_index'] is not None)
    if indexes != list(range(len(indexes))) or not indexes:
        raise invalid(BAD_ORDER)
    return devices


def check_local(devices: list[Device], flavor: Any) -> None:
    """Nothing, when the blank local disks fit what the flavor allows.  Raises Invalid."""
    local = [d for d in devices if d['destination'] == 'local']
    swaps = [d for d in local if d['guest_format'] == 'swap']
    formats = {d['guest_format'] for d in local} - {None, *LOCAL_FORMATS}
    if formats:
        raise invalid(f'The guest_format {min(formats)} is not one of {", ".join(LOCAL_FORMATS)}.')
    if len(swaps) > 1:
        raise invalid('More than one swap drive requested.')
    if sum(d['size'] or 0 for d in swaps) > flavor.swap:
        raise errors.Invalid('Swap drive requested is larger than instance type allows.')
    if sum(d['size'] or flavor.ephemeral for d in local if d not in swaps) > flavor.ephemeral:
        raise errors.Invalid(
            'Ephemeral disks requested are larger than the instance type allows. If no size is given in one '
            'block device mapping, flavor ephemeral size will be used.'
        )


def with_flavors(devices: list[Device], flavor: Any) -> list[Device]:
    """The devices, and the blank disks that the flavor gives where none of their kind are asked for."""
    local = [d for d in devices if (d['source'], d['destination']) == ('blank', 'local')]
    swap = any(d['guest_format'] == SWAP for d in local)
    ephemeral = any(d['guest_format'] != SWAP for d in local)
    found = list(devices)
    if flavor.ephemeral and not ephemeral:
        found.append(_blank(None))
    if flavor.swap and not swap:
        found.append(_blank(SWAP))
    return found


def _blank(kind: str | None) -> Device:
    """A blank disk as large as the flavor says."""
    return _device({'guest_format': kind, 'delete_on_termination': True}, 'blank', 'local', None, None)


def truth(value: Any) -> bool:
    """Whether the value is true as Nova reads it: a boolean or one of the words for it."""
    return value if isinstance(value, bool) else str(value).strip().lower() in ('1', 't', 'true', 'on', 'y', 'yes')


def _index(value: Any) -> int | None:
    """The boot index; a negative one means the same as none."""
    if value is None or value == '':
        return None
    index = numbers.whole(value, 'boot_index', least=-numbers.MOST)
    return index if index >= 0 else None


def _path(name: Any) -> str | None:
    if not name:
        return None
    return name if str(name).startswith('/dev/') else f'/dev/{name}'
