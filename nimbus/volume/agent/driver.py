"""The interface of a volume driver: it makes, extends, deletes and connects the disks of one host.

Every verb may be called twice.  Disks are known by their volume's id alone:
no verb takes a path, so none can be pointed at another volume's disk.
"""

import abc
from typing import Any


class Disks(abc.ABC):
    """Disks: create, extend, delete and list them."""

    @abc.abstractmethod
    def create(self, volume_id: str, size: int) -> None:
        """An empty disk of `size` GiB is there; one that is there already is left alone.

        Raises Unavailable when the store is full or failing.
        """

    @abc.abstractmethod
    def create_from(self, volume_id: str, size: int, path: str, format: str) -> None:
        """A disk of `size` GiB is there that begins with the image at `path`, read as `format` and nothing else.

        Raises Invalid when the image is larger, or is no self-contained image of that format.
        """

    @abc.abstractmethod
    def extend(self, volume_id: str, size: int) -> None:
        """The disk has `size` GiB at least.  Raises NotFound."""

    @abc.abstractmethod
    def delete(self, volume_id: str) -> None:
        """Nothing of the disk is left; gone already is fine.  Raises Conflict when what is there is another's."""

    @abc.abstractmethod
    def volumes(self) -> dict[str, int]:
        """Every disk that is here: volume id -> GiB."""


class Access(abc.ABC):
    """Connections: how hosts open disks."""

    @abc.abstractmethod
    def connect(self, volume_id: str, connector: dict[str, Any]) -> dict[str, Any]:
        """How the connector's host opens the disk: {'driver_volume_type', 'data'}.  Raises NotFound."""

    @abc.abstractmethod
    def disconnect(self, volume_id: str, connector: dict[str, Any]) -> None:
        """The connector's host does not open the disk any more; a disk that is gone is fine."""


class Driver(Disks, Access):
    """A volume driver: disks, their connections, and the store that holds them."""

    name: str  # the backend's name on the wire

    @abc.abstractmethod
    def scratch(self, volume_id: str) -> str:
        """A path where the image of the volume may be put while its disk is made."""

    @abc.abstractmethod
    def clean(self) -> list[str]:
        """What an earlier process left half-made is gone; returns the names of what was removed."""

    @abc.abstractmethod
    def close(self) -> None:
        """Nothing of this process's own is left; the disks are."""

    @abc.abstractmethod
    def facts(self) -> dict[str, float]:
        """{'total_gb', 'free_gb'} of the store."""
