"""The values that both forms of instance metadata (OpenStack's and EC2's) are made from."""

import base64
import dataclasses
from typing import Any

DOMAIN = 'novalocal'  # Nova's default for a guest's domain name


@dataclasses.dataclass(frozen=True)
class Facts:
    """All that the metadata says about one server."""

    spec: dict[str, Any]  # as nimbus.compute.servers.servers.spec gives it
    zone: str | None
    nics: list[dict[str, Any]]
    groups: list[str]
    password: str | None = None  # as the guest encrypted and posted it
    floating_ips: list[str] = dataclasses.field(default_factory=list)  # that lead to the server

    @property
    def hostname(self) -> str:
        """The guest's full name."""
        return f'{self.spec["hostname"]}.{DOMAIN}'

    @property
    def user_data(self) -> bytes | None:
        """What the user gave for the guest, decoded."""
        text = self.spec['user_data']
        return base64.b64decode(text) if text else None

    @property
    def files(self) -> list[tuple[str, bytes]]:
        """The files that the user wants in the guest: path and content."""
        return [(item['path'], base64.b64decode(item['contents'])) for item in self.spec['personality']]
