"""Enforce security groups on a host's guest ports: ipsets, iptables chains and conntrack zones."""

import ipaddress
from collections.abc import Sequence

from nimbus.network.agent.driver import Group, Port
from nimbus.network.agent.firewall import chains, conntrack, ipsets
from nimbus.network.agent.firewall.allowed_traffic import ICMP, IPV4, IPV6, admits, allowed_sources, network, rules_of
from nimbus.network.agent.firewall.iptables import Tables

BROADCAST = '255.255.255.255'


class Firewall:
    """The packet filter of one host."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._tables = {IPV4: Tables('iptables', prefix), IPV6: Tables('ip6tables', prefix)}
        self._sets = ipsets.Sets(prefix)
        self._zones: dict[str, int] = {}
        self._made: dict[str, tuple[tuple, chains.FilteredPort]] = {}
        self._cache: dict = {}
        self._pruned: tuple[dict[str, chains.FilteredPort], dict] | None = None
        self._holds = True  # whether flows may be blocked now

    def number(self, ports: Sequence[Port], noted: dict[str, int]) -> dict[str, int]:
        """Every port has a conntrack zone of its own; one that had one before keeps it."""
        kept = noted | self._zones
        zones = {port.id: kept[port.id] for port in ports if port.id in kept}
        used = set(kept.values())
        free = (zone for zone in range(conntrack.FIRST_ZONE, conntrack.LAST_ZONE) if zone not in used)
        self._zones = zones | {port.id: next(free) for port in ports if port.id not in zones}
        return self._zones

    def ensure(self, ports: Sequence[Port], zones: dict[str, int], groups: Sequence[Group], audit: bool) -> None:
        """Each port is filtered as its groups say; flows that they no longer allow are blocked."""
        known = {group.id: group for group in groups}
        guarded = self._firewall(ports, zones, known)
        sets = self._wanted_sets(guarded, known)
        self._sets.ensure(sets, audit)
        for ethertype, tables in self._tables.items():
            tables.ensure(chains.chains(self.prefix, ethertype, guarded, self._cache), audit)
        there = {item.port.id for item in guarded}
        self._cache = {key: kept for key, kept in self._cache.items() if key[1] in there}
        self._sets.forget(sets)
        items = {item.port.id: item for item in guarded}
        if self._narrowed(items, sets):
            self._cut(guarded, known, held_only=False)
        elif self._holds and self._changed(items, sets):
            self._cut(guarded, known, held_only=True)
        self._pruned = (items, sets)

    def _firewall(
        self, ports: Sequence[Port], zones: dict[str, int], known: dict[str, Group]
    ) -> list[chains.FilteredPort]:
        """What each port is filtered by; the same object as before where nothing differs."""
        made: dict[str, tuple[tuple, chains.FilteredPort]] = {}
        for port in ports:
            source = (port, zones[port.id], tuple(known[one].rules for one in port.groups if one in known))
            before = self._made.get(port.id)
            # A tuple finds what is identical equal without a look into it.
            same = before is not None and before[0] == source
            made[port.id] = before if same else (
                source, chains.FilteredPort(port, zones[port.id], rules_of(port, known)))  # fmt: skip
        self._made = made
        return [one for _, one in made.values()]

    def standing(self) -> set[str]:
        """The taps whose traffic the host filters (or lets pass on purpose) both ways, in both families."""
        found = [self._dispatched(tables) for tables in self._tables.values()]
        return found[0] & found[1]

    def clear(self) -> None:
        """No chain, set or tracked flow is left."""
        for tables in self._tables.values():
            tables.clear()
        self._sets.distrust()
        self._sets.forget(())
        conntrack.judge(lambda entry: conntrack.DROP)
        self._zones, self._made, self._cache, self._pruned = {}, {}, {}, None

    def _dispatched(self, tables: Tables) -> set[str]:
        ways: dict[str, set[str]] = {'--physdev-in': set(), '--physdev-out': set()}
        for rule in tables.dispatched(f'{self.prefix}-FORWARD'):
            words = rule.split()
            for way, taps in ways.items():
                if way in words:
                    taps.add(words[words.index(way) + 1])
        return ways['--physdev-in'] & ways['--physdev-out']

    def _wanted_sets(self, guarded: list[chains.FilteredPort], known: dict[str, Group]) -> dict:
        named = {(rule.remote_group, rule.ethertype) for item in guarded for rule in item.rules if rule.remote_group}
        return {
            ipsets.set_name(self.prefix, group, ethertype): (
                ethertype,
                ipsets.members(known.get(group), ethertype),
            )
            for group, ethertype in sorted(named)
        }

    def _narrowed(self, guarded: dict[str, chains.FilteredPort], sets: dict) -> bool:
        """Whether something that was allowed when flows were last compared may no longer be."""
        if self._pruned is None:
            return True
        items, old_sets = self._pruned
        if any(guarded.get(name) is not old and _less(old, guarded.get(name)) for name, old in items.items()):
            return True
        return any(name not in sets or not old[1] <= sets[name][1] for name, old in old_sets.items())

    def _changed(self, guarded: dict[str, chains.FilteredPort], sets: dict) -> bool:
        """Whether something may be allowed now that was not when flows were last compared."""
        items, old_sets = self._pruned or ({}, {})
        return sets != old_sets or any(items.get(name) is not item for name, item in guarded.items())

    def _cut(self, guarded: list[chains.FilteredPort], known: dict[str, Group], held_only: bool) -> None:
        """Every tracked flow of ours is one that its port's rules allow now, or is blocked."""
        by_zone = {item.zone: item for item in guarded}
        before = self._pruned[0] if self._pruned else {}

        def verdict(entry: conntrack.Tracked) -> str:
            item = by_zone.get(entry.zone)
            if item is None:
                return conntrack.DROP
            old = before.get(item.port.id, item)
            return _verdict(item, old.port, known, entry) if item.port.security else conntrack.KEEP

        self._holds = conntrack.judge(verdict, held_only) > 0


def _verdict(item: chains.FilteredPort, before: Port, known: dict[str, Group], entry: conntrack.Tracked) -> str:
    if entry.protocol == 17 and entry.facts.get('dport') in ('67', '68', '546', '547'):
        return conntrack.KEEP
    ways = directions(item.port, entry.facts['src'], entry.facts['dst'])
    if any(admits(item.rules, known, entry.flow(way)) for way in ways):
        return conntrack.RELEASE if entry.held else conntrack.KEEP
    # Only a request begins a flow of ICMP.  A flow of an address that never was the port's is nobody's to hold, but one
    # of an address that it had would begin anew: rules for what comes in look at no address of the guest's.
    ours = entry.held or ways or directions(before, entry.facts['src'], entry.facts['dst'])
    return conntrack.HOLD if ours and entry.protocol not in ICMP.values() else conntrack.DROP


def directions(port: Port, source: str, target: str) -> tuple[str, ...]:
    """Which ways a packet may have gone by its addresses; none where neither is the port's any more."""
    owned = [prefix for prefix, _ in allowed_sources(port)]
    for kind in ([one for one in owned if '/' not in one], [one for one in owned if '/' in one]):
        found = tuple(way for way, address in (('egress', source), ('ingress', target)) if _within(address, kind))
        if found:
            return found
    return ('ingress',) if ipaddress.ip_address(target).is_multicast or target == BROADCAST else ()


def _within(address: str, prefixes: list[str]) -> bool:
    return address in prefixes or any('/' in one and ipaddress.ip_address(address) in network(one) for one in prefixes)


def _less(old: chains.FilteredPort, now: chains.FilteredPort | None) -> bool:
    """Whether a flow that the port had may be one it cannot have any more."""
    return (
        now is None
        or now.port.security != old.port.security
        or not set(old.rules) <= set(now.rules)
        or not set(allowed_sources(old.port)) <= set(allowed_sources(now.port))
    )
