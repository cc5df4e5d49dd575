"""Check the hints of a new server: those that no enabled filter looks at are refused, not forgotten."""

import functools
from collections.abc import Mapping
from typing import Any

from nimbus.common import errors
from nimbus.scheduler import plugins

GROUP = 'group'  # a server joins it, whatever filters there are


@functools.lru_cache(8)
def _filters(enabled: tuple[str, ...]) -> tuple[Any, ...]:
    found = plugins.installed(plugins.FILTERS)  # an API may stand where a filter of one's own is not installed
    return tuple(found[name].load() for name in enabled if name in found)


def check(hints: Mapping[str, Any], enabled: tuple[str, ...]) -> None:
    """Nothing, when the enabled filters look at all of the hints and can read them.  Raises Invalid, naming one."""
    filters = _filters(enabled)
    known = {GROUP, *(name for each in filters for name in each.hints)}
    for name, value in sorted(hints.items()):
        if name not in known and value not in (None, '', '[]', [], {}):
            raise errors.Invalid(f'The scheduler hint {name} is not supported: this cloud has no filter for it.')
    for each in filters:
        each.check(hints)
