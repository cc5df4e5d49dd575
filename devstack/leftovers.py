"""Finds namespaces, bridges and devices that the cloud's network left on this host, and removes them.

The network driver takes its own things away; this asks the kernel and the switch what
is there all the same, for after a kill the one who made it may not remember.
"""

import contextlib
import json
import pathlib
import subprocess
import sys
from typing import Any

from devstack import settings
from devstack.place import Place, write_private
from devstack.progress import say

NAMESPACES = ('qdhcp-', 'qrouter-')
UNWIRE = """
import sys
from nimbus.cmd import services, wiring
from nimbus.common import config
conf = config.load([], 'nimbus', sys.argv[1:])
host = wiring.host_name(conf)
driver = services.switch(conf, host, services.state_dir(conf, 'network', host))
driver.clear()
driver.close()
"""
# What a hybrid plug makes of one port, beside its end in the switch.
PLUG = ('qvo', 'qvb', 'qbr', 'tap')


Seen = dict[str, list[str]]


def clear(place: Place) -> Seen:
    """No namespace and no device of the cloud is left; returns all that was ever seen."""
    seen = _remember(place)
    if any(_there(seen)):
        say('removing namespaces, bridges and taps')
    _unwire(place)
    for namespace in _namespaces(seen):
        for pid in _words('ip', 'netns', 'pids', namespace):
            _words('kill', '-KILL', pid)
        _words('ip', 'netns', 'del', namespace)
    for device in _devices(seen):
        _words('ip', 'link', 'del', device)
    return seen


def found(place: Place, seen: Seen) -> list[str]:
    """What is still there of all that was ever seen; nothing more is remembered when that is nothing."""
    left = _there(seen)
    if not left:
        _file(place).unlink(missing_ok=True)
    return left


def _unwire(place: Place) -> None:
    """The cloud's own network driver has cleared this host, where it can: of filter rules and sets, too."""
    files = [str(file) for file in settings.files(place, agent=True) if file.exists()]
    switch = place.state / 'openvswitch'
    stopped = (switch / 'conf.db').exists() and not (switch / 'untidy').exists()
    if not files or stopped:
        return
    done = subprocess.run([sys.executable, '-c', UNWIRE, *files], capture_output=True, text=True)
    if done.returncode:
        say(f'the network driver could not clear this host: {(done.stderr.strip().splitlines() or ["no reason"])[-1]}')


def _there(seen: Seen) -> list[str]:
    return [f'namespace {name}' for name in _namespaces(seen)] + [f'device {name}' for name in _devices(seen)]


def _namespaces(seen: Seen) -> list[str]:
    return [name for name in seen['namespaces'] if pathlib.Path('/run/netns', name).exists()]


def _devices(seen: Seen) -> list[str]:
    there = {link['ifname'] for link in _links()} if seen['devices'] else set()
    return [name for name in seen['devices'] if name in there]


def _file(place: Place) -> pathlib.Path:
    return place.state / 'wired.json'


def _read(place: Place) -> Seen:
    try:
        return json.loads(_file(place).read_text())
    except (FileNotFoundError, ValueError):
        return {'namespaces': [], 'devices': []}


def _remember(place: Place) -> Seen:
    """All that is or was wired to the cloud's bridges, kept on disk until it is gone."""
    seen = _read(place)
    ports = _ports(place)
    ends = {link['ifindex'] for link in _links() if link['ifname'] in ports}
    namespaces = {name for name in _candidates() if any(link.get('link_index') in ends for link in _links(name))}
    suffixes = [port[3:] for port in ports if port.startswith(PLUG)]
    devices = {prefix + suffix for suffix in suffixes for prefix in PLUG}
    seen = {
        'namespaces': sorted({*seen['namespaces'], *namespaces}),
        'devices': sorted({*seen['devices'], *devices}),
    }
    with contextlib.suppress(OSError):  # a full disk; what is seen now is known for as long as this runs
        write_private(_file(place), json.dumps(seen))
    return seen


def _ports(place: Place) -> set[str]:
    socket = place.state / 'openvswitch' / 'db.sock'
    if not socket.exists():
        return set()
    asked = ['ovs-vsctl', '--timeout=5', f'--db=unix:{socket}', '--no-wait']
    return {port for bridge in _words(*asked, 'list-br') for port in _words(*asked, 'list-ports', bridge)}


def _candidates() -> list[str]:
    home = pathlib.Path('/run/netns')
    return [path.name for path in home.iterdir() if path.name.startswith(NAMESPACES)] if home.is_dir() else []


def _links(namespace: str | None = None) -> list[dict[str, Any]]:
    inside = ['-n', namespace] if namespace else []
    asked = subprocess.run(['ip', *inside, '-j', 'link', 'show'], capture_output=True, text=True)
    return json.loads(asked.stdout or '[]')


def _words(*argv: str) -> list[str]:
    return subprocess.run(argv, capture_output=True, text=True).stdout.split()
