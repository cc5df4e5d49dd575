"""Builds the proxy of consoles from its process's parts."""

from typing import Any

from nimbus.cmd import wiring
from nimbus.common.parts import Parts
from nimbus.compute.rpc import Compute


def console(conf: Any, parts: Parts) -> wiring.Group:
    """The proxy through which browsers reach guests' consoles."""
    from nimbus.console import options, proxy, targets

    found = targets.Targets(parts.db, lambda host: parts.client(Compute, None, host))
    return wiring.Group(proxy.Proxy(options.Settings.of(conf), found))
