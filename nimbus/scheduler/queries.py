"""The queries of JsonFilter: `["and", [">=", "$free_ram_mb", 1024], ["=", "$hypervisor_type", "QEMU"]]`."""

import operator
from collections.abc import Callable
from typing import Any

import orjson

from nimbus.common import errors
from nimbus.scheduler.host_cache import HostState

DEEPEST = 20  # lists in lists: a query is written by a user and read by recursion
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    '=': operator.eq,
    '<': operator.lt,
    '>': operator.gt,
    '<=': operator.le,
    '>=': operator.ge,
}
JOIN = ('not', 'or', 'and', 'in')
# What a query may name of a host, by the field's names.
SEEN: dict[str, Callable[[HostState], Any]] = {
    'host': lambda host: host.host,
    'nodename': lambda host: host.node,
    'hypervisor_hostname': lambda host: host.node,
    'free_ram_mb': lambda host: host.free_memory_mb,
    'free_disk_mb': lambda host: host.free_disk_gb * 1024,
    'total_usable_ram_mb': lambda host: host.memory_mb,
    'total_usable_disk_gb': lambda host: host.disk_gb,
    'vcpus_total': lambda host: host.vcpus,
    'vcpus_used': lambda host: host.used_vcpus,
    'num_instances': lambda host: host.instances,
    'num_io_ops': lambda host: host.io_ops,
    'host_ip': lambda host: host.facts.get('host_ip'),
    'hypervisor_type': lambda host: host.facts.get('hypervisor_type'),
    'hypervisor_version': lambda host: host.facts.get('hypervisor_version'),
    'cpu_info': lambda host: host.facts.get('cpu_info'),
}


def read(text: Any) -> list[Any]:
    """The query that the text holds.  Raises Invalid, saying what is wrong with it."""
    try:
        found = orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        raise _wrong('it is no JSON text') from None
    if not isinstance(found, list):
        raise _wrong('it is no list')
    _check(found, DEEPEST)
    return found


def _check(query: list[Any], left: int) -> None:
    if not left:
        raise _wrong(f'it has more than {DEEPEST} lists in lists')
    if query and (not isinstance(query[0], str) or query[0] not in (*COMPARE, *JOIN)):
        raise _wrong(f'a list of it begins with {str(query[0])[:40]}, not with {", ".join((*COMPARE, *JOIN))}')
    for part in query[1:]:
        if isinstance(part, dict):
            raise _wrong('it has an object in it')
        if isinstance(part, list):
            _check(part, left - 1)


def _wrong(why: str) -> errors.Invalid:
    return errors.Invalid(f'The scheduler hint query is not understood: {why}.')


def holds(query: list[Any], host: HostState) -> bool:
    """Whether the query is true of the host; one that compares what cannot be compared is not."""
    if not query:
        return True
    word, *rest = query
    found = [part for part in (_value(part, host) for part in rest) if part is not None]
    if word == 'not':
        return any(not part for part in found)
    if word == 'or':
        return any(found)
    if word == 'and':
        return all(found)
    if len(found) < 2:
        return False
    first, *others = found
    if word == 'in':
        return first in others
    try:
        return all(COMPARE[word](first, other) for other in others)
    except TypeError:
        return False


def _value(part: Any, host: HostState) -> Any:
    if isinstance(part, list):
        return holds(part, host)
    if not isinstance(part, str) or not part.startswith('$'):
        return part if part != '' else None
    name, *path = part[1:].split('.')
    found = SEEN[name](host) if name in SEEN else None
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found
