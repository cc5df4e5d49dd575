"""Hosts as placement knows them: what each has, how much of it is used, its traits and its aggregates."""

import dataclasses
from typing import Any

from nimbus.api.placement.resource_classes import CLASSES
from nimbus.common.database import db
from nimbus.compute.hosts import aggregates
from nimbus.scheduler import hosts, traits


@dataclasses.dataclass(frozen=True)
class Node:
    """One host."""

    row: Any  # the scheduler's
    traits: frozenset[str]
    aggregates: frozenset[str]  # their ids

    @property
    def id(self) -> str:
        """The provider's id."""
        return str(self.row.id)

    @property
    def name(self) -> str:
        """The provider's name."""
        return str(self.row.node)

    @property
    def classes(self) -> dict[str, str]:
        """The resource classes of which the host has anything, and the scheduler's words for them."""
        return {name: column for name, column in CLASSES.items() if getattr(self.row, column)}

    def capacity(self, resource: str) -> int:
        """How much may be used in all of a class that the host has."""
        return hosts.capacity(self.row, CLASSES[resource])

    def used(self, resource: str) -> int:
        """How much is used of a class that the host has."""
        used: int = getattr(self.row, f'used_{CLASSES[resource]}')
        return used

    def has_room(self, resource: str, amount: int) -> bool:
        """Whether so much of the class can be used beside what is."""
        return resource in self.classes and self.used(resource) + amount <= self.capacity(resource)


def find(tx: db.Tx) -> list[Node]:
    """Every host, in the order they became known."""
    joined: dict[str, set[str]] = {}
    for each in aggregates.find(tx):
        for host in each.hosts:
            joined.setdefault(host, set()).add(each.id)
    disabled = traits.disabled(tx)
    return [
        Node(row, traits.of(row, row.host in disabled), frozenset(joined.get(row.host, ()))) for row in hosts.list(tx)
    ]


def of(tx: db.Tx, row: Any) -> Node:
    """The host of the row."""
    joined = frozenset(each.id for each in aggregates.find(tx) if row.host in each.hosts)
    return Node(row, traits.of(row, row.host in traits.disabled(tx)), joined)
