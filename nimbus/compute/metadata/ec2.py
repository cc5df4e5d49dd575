"""The EC2-compatible metadata of a server, as a tree of short texts."""

import ipaddress
import uuid
from typing import Any

from nimbus.compute.metadata.facts import Facts

NEWEST = '2009-04-04'
VERSIONS = (
    '1.0',
    '2007-01-19',
    '2007-03-01',
    '2007-08-29',
    '2007-10-10',
    '2007-12-15',
    '2008-02-01',
    '2008-09-01',
    NEWEST,
)
# What later versions of the tree added.
SINCE = {
    'block-device-mapping': '2007-12-15',
    'instance-action': '2008-09-01',
    'placement': '2008-02-01',
    'instance-type': '2007-08-29',
    'ancestor-ami-ids': '2007-10-10',
    'product-codes': '2007-03-01',
    'local-hostname': '2007-01-19',
    'local-ipv4': '2007-01-19',
    'public-hostname': '2007-01-19',
    'public-ipv4': '2007-01-19',
}


def meta_data(given: Facts, version: str = NEWEST) -> dict[str, Any]:
    """The tree below `meta-data`: texts, and dicts for folders."""
    spec = given.spec
    addresses = [address['ip'] for nic in given.nics for address in nic['addresses']]
    fixed = [ip for ip in addresses if ipaddress.ip_address(ip).version == 4]
    image = (spec['image'] or {}).get('id')
    found: dict[str, Any] = {
        'ami-id': _short('ami', image) if image else 'None',
        'ami-launch-index': spec['launch_index'],
        'ami-manifest-path': 'FIXME',  # what Nova answers, word for word
        'block-device-mapping': _disks(spec),
        'hostname': given.hostname,
        'instance-action': 'none',
        'instance-id': f'i-{spec["name"].removeprefix("instance-")}',
        'instance-type': spec['flavor']['name'],
        'local-hostname': given.hostname,
        'local-ipv4': fixed[0] if fixed else '',
        'placement': {'availability-zone': given.zone or ''},
        'public-hostname': given.hostname,
        'public-ipv4': given.floating_ips[0] if given.floating_ips else '',
        'reservation-id': spec['reservation_id'],
        'security-groups': '\n'.join(given.groups),
    }
    if spec['key']:
        found['public-keys'] = {'0': {'_name': spec['key']['name'], 'openssh-key': spec['key']['public_key']}}
    return {name: value for name, value in found.items() if version >= SINCE.get(name, '')}


def _disks(spec: dict[str, Any]) -> dict[str, str]:
    """Which disk is which: the root, the ephemeral ones and swap, and volumes in the order of their names."""
    root = spec['root_device'] or '/dev/vda'
    found = {'ami': _bare(root), 'root': root}
    local = [device for device in spec['bdms'] if device['destination'] == 'local' and device['device']]
    ephemerals = sorted(device['device'] for device in local if device['guest_format'] != 'swap')
    found |= {f'ephemeral{number}': name for number, name in enumerate(ephemerals)}
    swap = [device['device'] for device in local if device['guest_format'] == 'swap']
    found |= {'swap': swap[0]} if swap else {}
    volumes = [device['device'] for device in spec['bdms'] if device['destination'] == 'volume' and device['device']]
    return found | {f'ebs{number}': name for number, name in enumerate(sorted(volumes))}


def _bare(device: str | None) -> str:
    return (device or '/dev/vda').removeprefix('/dev/')


def _short(kind: str, long_id: str) -> str:
    """`ami-0123abcd`: the older form of an id, the same for the same long one."""
    try:
        return f'{kind}-{uuid.UUID(long_id).hex[:8]}'
    except ValueError:
        return f'{kind}-00000000'
