"""`nimbus capacity FLAVOR`: shows how many more servers of a flavor fit, on each host and in all."""

import sys
import urllib.parse
from typing import Any

from nimbus.cli import cloud

PLACEMENT = '1.39'
NEEDS = {'VCPU': 'vcpus', 'MEMORY_MB': 'ram', 'DISK_GB': 'disk'}
SCOPE, TRAIT, DISABLED = 'resources:', 'trait:', 'COMPUTE_STATUS_DISABLED'


def main(argv: list[str]) -> int:
    """Print how many fit; 1 when there is no such flavor, 2 when the cloud cannot be asked."""
    parser = cloud.parser('capacity', 'Show how many more servers of a flavor fit, on each host and in all.')
    parser.add_argument('flavor', help='id or name')
    args = parser.parse_args(argv)
    try:
        asked = cloud.Cloud.named(args.os_cloud)
        flavor = find(asked, args.flavor)
        if flavor is None:
            print(f'There is no flavor {args.flavor}.', file=sys.stderr)
            return 1
        print('\n'.join(story(flavor['name'], fitting(asked, flavor))))
    except (cloud.NoCloud, cloud.AWAY, *cloud.HTTP_ERRORS) as why:
        print(f'The cloud cannot be asked: {cloud.sentence(why)}', file=sys.stderr)
        return 2
    return 0


def find(asked: cloud.Cloud, wanted: str) -> dict[str, Any] | None:
    """The flavor by id, else by name."""
    rows = asked.get('compute', '/flavors/detail?is_public=none', '2.61')['flavors']
    return next((row for key in ('id', 'name') for row in rows if row[key] == wanted), None)


def needs(flavor: dict[str, Any]) -> dict[str, int]:
    """How much of each resource class one server of the flavor claims."""
    found = {name: int(flavor[key]) for name, key in NEEDS.items()}
    found['DISK_GB'] += int(flavor['OS-FLV-EXT-DATA:ephemeral']) + -(-int(flavor['swap'] or 0) // 1024)
    said = {key.removeprefix(SCOPE): value for key, value in flavor.get('extra_specs', {}).items()}
    return {name: amount for name in found if (amount := int(said.get(name, found[name])))}


def fitting(asked: cloud.Cloud, flavor: dict[str, Any]) -> dict[str, int]:
    """How many more fit on each host in service, by the hypervisor's name; hosts without room are left out."""
    wanted = needs(flavor)
    if not wanted:
        return {}
    asks = [
        key.removeprefix(TRAIT) if value == 'required' else f'!{key.removeprefix(TRAIT)}'
        for key, value in flavor.get('extra_specs', {}).items()
        if key.startswith(TRAIT)
    ]
    query = {
        'resources': ','.join(f'{name}:{amount}' for name, amount in wanted.items()),
        'required': ','.join([f'!{DISABLED}', *asks]),
    }
    path = f'/allocation_candidates?{urllib.parse.urlencode(query)}'
    room = asked.get('placement', path, PLACEMENT)['provider_summaries']
    providers = asked.get('placement', '/resource_providers', PLACEMENT)['resource_providers']
    names = {row['uuid']: row['name'] for row in providers}
    return {
        names.get(uuid, uuid): min(
            (each['resources'][name]['capacity'] - each['resources'][name]['used']) // amount
            for name, amount in wanted.items()
        )
        for uuid, each in room.items()
    }


def story(name: str, found: dict[str, int]) -> list[str]:
    """The lines that say how many fit, most first."""
    lines = [f'{count:6}  {host}' for host, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))]
    return [*lines, f'{sum(found.values()):6}  servers of the flavor {name} in all']
