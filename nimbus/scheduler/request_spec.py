"""The request to place one server: the resources it needs and the hosts it may go to."""

import dataclasses
from typing import Any, Self

from nimbus.common import errors

RESOURCES = ('vcpus', 'memory_mb', 'disk_gb')


@dataclasses.dataclass(frozen=True)
class Request:
    """What one server needs and asks for; crosses the bus as plain JSON."""

    vcpus: int
    memory_mb: int
    disk_gb: int
    project_id: str | None = None
    user_id: str | None = None
    zone: str | None = None
    host: str | None = None  # the one host an operator names; what judges fitness is then passed over
    only: str | None = None  # the one host where it may stand, which must be fit for it
    avoid: tuple[str, ...] = ()  # hosts that refused the server already, or may still run a guest of it
    leave: str | None = None  # the host where the server stands and that it is to leave
    extra_specs: dict[str, str] = dataclasses.field(default_factory=dict)
    image_properties: dict[str, str] = dataclasses.field(default_factory=dict)
    image_id: str | None = None
    flavor_name: str | None = None
    hints: dict[str, Any] = dataclasses.field(default_factory=dict)
    hint_hosts: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)  # of the servers that a hint names
    group: dict[str, Any] | None = None  # the id, policy and `most` of the group that the server is in
    group_hosts: dict[str, int] = dataclasses.field(default_factory=dict)  # where its others are, and how many

    @property
    def policy(self) -> str:
        """The policy of the server's group, blank where it is in none."""
        return self.group['policy'] if self.group else ''

    def fits_group(self, host: str) -> bool:
        """Whether the rule of the server's group lets it stand on the host."""
        if self.policy == 'affinity':
            return not self.group_hosts or host in self.group_hosts
        return self.policy != 'anti-affinity' or self.group_hosts.get(host, 0) < (self.group or {})['most']

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The request whose `dataclasses.asdict` is `values`.  Raises Invalid on a number that is none."""
        known = {f.name for f in dataclasses.fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        for name in RESOURCES:
            if not isinstance(kept.get(name), int) or kept[name] < 0:
                raise errors.Invalid(f'A request for a host needs {name} as a whole number of at least 0.')
        return cls(**{**kept, 'avoid': tuple(kept.get('avoid', ()))})
