"""Filters by the hints that come with a new server."""

from collections.abc import Mapping
from typing import Any

import netaddr

from nimbus.common import errors
from nimbus.scheduler import queries
from nimbus.scheduler.filters import Filter, Hosts, names
from nimbus.scheduler.host_cache import HostState
from nimbus.scheduler.request_spec import Request


class DifferentHostFilter(Filter):
    """Passes over the hosts of the servers that the hint names."""

    hints = ('different_host',)

    def applies(self, request: Request) -> bool:
        return bool(request.hints.get('different_host'))

    def passes(self, host: HostState, request: Request) -> bool:
        return host.host not in request.hint_hosts.get('different_host', ())

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{names(removed)} have servers that it is to be apart from'

    def wish(self, request: Request) -> str:
        return 'a host apart from the servers of the hint different_host'


class SameHostFilter(Filter):
    """Keeps the hosts of the servers that the hint names; a server that the project does not have is on none."""

    hints = ('same_host',)

    def applies(self, request: Request) -> bool:
        return bool(request.hints.get('same_host'))

    def passes(self, host: HostState, request: Request) -> bool:
        return host.host in request.hint_hosts.get('same_host', ())

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{names(removed)} have none of the servers that it is to be beside'

    def wish(self, request: Request) -> str:
        return 'a host of the servers of the hint same_host'


class SimpleCIDRAffinityFilter(Filter):
    """Keeps the hosts whose address is in the network that the hints describe."""

    hints = ('build_near_host_ip', 'cidr')

    @classmethod
    def check(cls, hints: Mapping[str, Any]) -> None:
        if hints.get('build_near_host_ip'):
            _network(hints)

    def applies(self, request: Request) -> bool:
        return bool(request.hints.get('build_near_host_ip'))

    def passes(self, host: HostState, request: Request) -> bool:
        return self._within(host, _network(request.hints))

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        network = _network(request.hints)
        return [host for host in hosts if self._within(host, network)]

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{names(removed)} have no address of {_network(request.hints).cidr}'

    def wish(self, request: Request) -> str:
        return f'a host near {_network(request.hints).cidr}'

    @staticmethod
    def _within(host: HostState, network: netaddr.IPNetwork) -> bool:
        try:
            return netaddr.IPAddress(host.facts.get('host_ip') or '') in network
        except netaddr.AddrFormatError:
            return False


def _network(hints: Mapping[str, Any]) -> netaddr.IPNetwork:
    """The network around the address of the hints.  Raises Invalid."""
    address, length = hints['build_near_host_ip'], hints.get('cidr') or '/24'
    try:
        return netaddr.IPNetwork(f'{address}{length}')
    except (netaddr.AddrFormatError, ValueError):
        raise errors.Invalid(
            f'The scheduler hint cidr is to be the length of a prefix, such as /24: {length} is none of {address}.'
        ) from None


class JsonFilter(Filter):
    """Keeps the hosts that satisfy the query of the hint: a list of an operator and its operands, as JSON."""

    hints, needs = ('query',), ('instances', 'io_ops')

    @classmethod
    def check(cls, hints: Mapping[str, Any]) -> None:
        if hints.get('query'):
            queries.read(hints['query'])

    def applies(self, request: Request) -> bool:
        return bool(request.hints.get('query'))

    def passes(self, host: HostState, request: Request) -> bool:
        return queries.holds(queries.read(request.hints['query']), host)

    def keep(self, hosts: Hosts, request: Request) -> Hosts:
        query = queries.read(request.hints['query'])
        return [host for host in hosts if queries.holds(query, host)]

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{names(removed)} do not satisfy {request.hints["query"]}'

    def wish(self, request: Request) -> str:
        return 'a host that satisfies the hint query'
