"""What there is to tell a guest about itself, whatever document it is told in."""

import base64
import dataclasses
from typing import Any

DOMAIN = 'novalocal'  # the field's name for a guest's domain


@dataclasses.dataclass(frozen=True)
class Facts:
    """All that is told about one server."""

    spec: dict[str, Any]  # as nimbus.compute.servers.servers.spec gives it
    zone: str | None
    nics: list[dict[str, Any]]
    groups: list[str]
    password: str | None = None  # as the guest sealed and left it

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
