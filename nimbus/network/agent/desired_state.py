"""The desired state of one host's network, as its agent keeps it and updates it by differences.

The desk sends everything, or what changed (nimbus/network/hosts/desired_state.py).  What
did not change keeps its identity, so that a driver that compares values looks
only at what did.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from nimbus.network.agent import driver

Answer = dict[str, Any]


class DesiredState:
    """The parts of what a host must look like, by id."""

    def __init__(self) -> None:
        self.generation = 0
        self.ports: dict[str, driver.Port] = {}
        self.routers: dict[str, driver.Router] = {}
        self._networks: dict[str, dict[str, Any]] = {}  # without leases, as the desk sent them
        self._leases: dict[str, dict[str, tuple[driver.Lease, ...]]] = {}  # by network and port
        self._leased: dict[str, str] = {}  # port -> network that leases it an address
        self._rules: dict[str, tuple[driver.Rule, ...]] = {}
        self._members: dict[str, dict[str, list[str]]] = {}  # by group and port
        self._remotes: dict[str, dict[str, driver.Remote]] = {}  # by network and port
        self._beyond: tuple[driver.Remote, ...] | None = None  # all of them; None: not put together yet
        self._built: dict[str, dict[str, Any]] = {'network': {}, 'group': {}}

    def take(self, answer: Answer) -> None:
        """The desk's answer is taken over; what it does not mention stays, unless it is marked as everything."""
        self.generation = answer['generation']
        if answer['whole']:
            self._take_whole(answer)
        else:
            self._take_differences(answer)
        self._drop_unused()

    def _take_differences(self, answer: Answer) -> None:
        self._take_networks(answer.get('networks', {}))
        _put(self.ports, answer.get('ports', {}), lambda value: driver.Port.from_dict(value))
        _put(self.routers, answer.get('routers', {}), lambda value: driver.Router.from_dict(value))
        for port_id, leased in answer.get('leases', {}).items():
            self._take_leases(port_id, leased)
        for port_id, remote in answer.get('remotes', {}).items():
            self._take_remote(port_id, remote)
        self._take_rules(answer.get('rules', {}))
        for group_id, members in answer.get('members', {}).items():
            self._members[group_id] = members
            self._built['group'].pop(group_id, None)
        for port_id, places in answer.get('places', {}).items():
            self._take_places(port_id, places or {})

    def missing(self) -> list[list[str]]:
        """What is referred to here and not known yet: (kind, id) in the desk's terms."""
        networks = self._networks_used() - set(self._networks)
        groups = {group_id for port in self.ports.values() for group_id in port.groups} - set(self._rules)
        members = self._remote_groups() - set(self._members)
        named = (('network', networks), ('rules', groups), ('members', members))
        return [[kind, name] for kind, names in named for name in sorted(names)]

    def desired(self) -> driver.Desired:
        """All of it as one value, the argument of a driver's `apply`."""
        groups = dict.fromkeys([*self._rules, *self._members])
        return driver.Desired(
            self.generation,
            tuple(self._network(name) for name in self._networks),
            tuple(self.ports.values()),
            tuple(self._group(name) for name in groups),
            tuple(self.routers.values()),
            self._all_remotes(),
        )

    def _take_whole(self, answer: Answer) -> None:
        """The state is exactly the answer; a value that did not change stays the same object."""
        old_ports, old_routers = self.ports, self.routers
        self.ports = {
            name: _kept(old_ports, name, driver.Port.from_dict(value)) for name, value in answer['ports'].items()
        }
        self.routers = {
            name: _kept(old_routers, name, driver.Router.from_dict(value)) for name, value in answer['routers'].items()
        }
        for name in set(self._networks) - set(answer['networks']):
            self._take_networks({name: None})
        self._take_networks(answer['networks'])
        self._drop_groups(self._rules, set(answer['rules']))
        self._take_rules(answer['rules'])
        for name, members in answer['members'].items():
            if self._members.get(name) != members:
                self._built['group'].pop(name, None)
        self._members = answer['members']

    def _take_networks(self, answer: Answer) -> None:
        for name, network in answer.items():
            leases = network['leases'] if network else {}
            for port_id in set(self._leases.get(name, ())) - set(leases):
                self._take_leases(port_id, None)
            self._take_remotes(name, network.get('remotes', {}) if network else {})
            if network is None:
                for kept in (self._networks, self._leases, self._built['network']):
                    kept.pop(name, None)
                continue
            if self._networks.get(name) != network['value']:
                self._networks[name] = network['value']
                self._built['network'].pop(name, None)
            for port_id, leased in leases.items():
                self._take_leases(port_id, leased)

    def _take_leases(self, port_id: str, leased: dict[str, Any] | None) -> None:
        network_id = leased['network_id'] if leased else None
        old = self._leased.get(port_id)
        if old is not None and old != network_id:
            del self._leased[port_id]
            self._leases.get(old, {}).pop(port_id, None)
            self._built['network'].pop(old, None)
        if leased is None or network_id is None:
            return
        leases = tuple(_lease(lease) for lease in leased['leases'])
        there = self._leases.setdefault(network_id, {})
        if there.get(port_id) != leases:
            there[port_id] = leases
            self._built['network'].pop(network_id, None)
        self._leased[port_id] = network_id

    def _take_remotes(self, network_id: str, answer: dict[str, Any]) -> None:
        remotes = {port_id: driver.Remote.from_dict(one) for port_id, one in answer.items()}
        if self._remotes.get(network_id, {}) != remotes:
            self._remotes[network_id], self._beyond = remotes, None
        if not remotes:
            self._remotes.pop(network_id, None)

    def _take_remote(self, port_id: str, answer: dict[str, Any] | None) -> None:
        """A port beyond a tunnel is as told: on a network of this host's, or not there any more."""
        new = driver.Remote.from_dict(answer) if answer else None
        for network_id, remotes in self._remotes.items():
            if port_id in remotes and (new is None or new.network_id != network_id):
                del remotes[port_id]
                self._beyond = None
        if new is not None and new.network_id in self._networks:
            there = self._remotes.setdefault(new.network_id, {})
            if there.get(port_id) != new:
                there[port_id], self._beyond = new, None

    def _all_remotes(self) -> tuple[driver.Remote, ...]:
        if self._beyond is None:
            self._beyond = tuple(one for remotes in self._remotes.values() for one in remotes.values())
        return self._beyond

    def _take_rules(self, answer: Answer) -> None:
        for name, values in answer.items():
            rules = tuple(driver.Rule(**rule) for rule in values)
            if self._rules.get(name) != rules:
                self._rules[name] = rules
                self._built['group'].pop(name, None)

    def _take_places(self, port_id: str, places: dict[str, list[str]]) -> None:
        for group_id, members in self._members.items():
            if members.get(port_id) != places.get(group_id):
                members.pop(port_id, None)
                if group_id in places:
                    members[port_id] = places[group_id]
                self._built['group'].pop(group_id, None)

    def _drop_unused(self) -> None:
        """What nothing refers to is dropped: the desk reports no more changes of it."""
        used = self._networks_used()
        served = {name for name, value in self._networks.items() if value.get('dhcp_port_id')}
        self._take_networks(dict.fromkeys(set(self._networks) - used - served))
        named = {group_id for port in self.ports.values() for group_id in port.groups}
        self._drop_groups(self._rules, named)
        self._drop_groups(self._members, self._remote_groups())

    def _drop_groups(self, kept: dict[str, Any], named: set[str]) -> None:
        for name in set(kept) - named:
            del kept[name]
            self._built['group'].pop(name, None)

    def _networks_used(self) -> set[str]:
        routed = {port.network_id for router in self.routers.values() for port in router.every_port}
        return {port.network_id for port in self.ports.values()} | routed

    def _remote_groups(self) -> set[str]:
        return {rule.remote_group for rules in self._rules.values() for rule in rules if rule.remote_group}

    def _network(self, name: str) -> driver.Network:
        def build() -> driver.Network:
            network = driver.Network.from_dict(self._networks[name])
            leases = self._leases.get(name, {}) if network.dhcp_port_id else {}
            return dataclasses.replace(network, leases=tuple(lease for of in leases.values() for lease in of))

        return self._once('network', name, build)

    def _group(self, name: str) -> driver.Group:
        def build() -> driver.Group:
            members = {ip for ips in self._members.get(name, {}).values() for ip in ips}
            return driver.Group(name, self._rules.get(name, ()), tuple(sorted(members)))

        return self._once('group', name, build)

    def _once(self, kind: str, name: str, build: Callable[[], Any]) -> Any:
        built = self._built[kind]
        if name not in built:
            built[name] = build()
        return built[name]


def _lease(answer: Answer) -> driver.Lease:
    return driver.Lease(**answer | {'options': tuple((name, value) for name, value in answer['options'])})


def _put(kept: dict[str, Any], answer: Answer, build: Callable[[dict[str, Any]], Any]) -> None:
    for name, value in answer.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = _kept(kept, name, build(value))


def _kept(old: dict[str, Any], name: str, new: Any) -> Any:
    return old[name] if old.get(name) == new else new
