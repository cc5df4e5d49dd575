"""The world outside of the demo's network: a bridge of this host with an address on it, where floating IPs are."""

import ipaddress
import json
import subprocess

from devstack.place import Place, write_private
from devstack.progress import Unable, say

PHYSICAL, BRIDGE = 'public', 'br-ex'
RANGES = tuple(f'172.24.{number}.0/24' for number in range(4, 12))
MARK = 'nimbus-devstack'  # on the bridge: which cloud's it is


def up(place: Place, ovsdb: str, datapath: str) -> None:
    """The bridge stands and this host has the first address of the range there.  Raises Unable."""
    owner = (
        _vsctl(ovsdb, '--if-exists', 'get', 'bridge', BRIDGE, f'external_ids:{MARK}', check=False).strip().strip('"')
    )
    there = BRIDGE in _vsctl(ovsdb, 'list-br').split()
    if there and owner != str(place.state):
        raise Unable(
            f'this host has a bridge {BRIDGE} already, which was not made by devstack/up in {place.state}: it is left '
            'alone, and there is no place for floating IPs.'
        )
    network = ipaddress.ip_network(cidr(place))
    if not there:
        say(f'making bridge {BRIDGE} for floating IPs, {network}')
    _vsctl(
        ovsdb, '--may-exist', 'add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, f'datapath_type={datapath}',
        f'external_ids:{MARK}="{place.state}"',
    )  # fmt: skip
    _run('ip', 'addr', 'replace', f'{network[1]}/{network.prefixlen}', 'dev', BRIDGE)
    _run('ip', 'link', 'set', BRIDGE, 'up')


def down(place: Place, ovsdb: str) -> None:
    """The bridge is gone, if it is this cloud's."""
    owner = (
        _vsctl(ovsdb, '--if-exists', 'get', 'bridge', BRIDGE, f'external_ids:{MARK}', check=False).strip().strip('"')
    )
    if owner == str(place.state):
        _vsctl(ovsdb, '--if-exists', 'del-br', BRIDGE)


def cidr(place: Place) -> str:
    """The range of floating IPs: the first that leads nowhere on this host yet, and later the same."""
    kept = place.state / 'outside'
    if kept.exists():
        return kept.read_text().strip()
    taken = _ranges()
    free = [one for one in RANGES if not any(ipaddress.ip_network(one).overlaps(other) for other in taken)]
    if not free:
        raise Unable(f'this host has routes to all of {RANGES[0]} to {RANGES[-1]}; floating IPs need one of these.')
    write_private(kept, free[0] + '\n')
    return free[0]


def _ranges() -> list[ipaddress.IPv4Network]:
    """Where this host's routes lead, but for the way to everywhere."""
    routes = json.loads(_run('ip', '-4', '-json', 'route', 'show', 'table', 'all') or '[]')
    found = [row['dst'] for row in routes if row.get('dst', 'default') != 'default' and row.get('dev') != BRIDGE]
    return [ipaddress.IPv4Network(one, strict=False) for one in found]


def _vsctl(ovsdb: str, *words: str, check: bool = True) -> str:
    return _run('ovs-vsctl', '--timeout=10', f'--db={ovsdb}', *words, check=check)


def _run(*words: str, check: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True)
    if check and done.returncode:
        raise Unable(f'{" ".join(words)} failed: {done.stderr.strip()}')
    return done.stdout
