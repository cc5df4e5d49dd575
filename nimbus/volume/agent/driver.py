"""The interface of a volume driver: it makes, extends, deletes and connects the disks of one host.

Every verb may be called twice.  Disks are known by the id of their volume
or snapshot alone: no verb takes a path, so none can be pointed at another's disk.
"""

import abc
import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol


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


class Copies(abc.ABC):
    """Copies of disks as they were at one moment: make, use, delete and list them.

    Who asks sees to it that nobody writes the disk meanwhile.  A copy stands on its own: what becomes of the disk that
    it was made of changes nothing of it, and the other way round.
    """

    @abc.abstractmethod
    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        """The snapshot is there, with what the volume has now; one that is there already is left alone.

        Raises NotFound for the volume, and Unavailable when the store is full or failing.
        """

    @abc.abstractmethod
    def create_copy(self, volume_id: str, size: int, source: str, kind: str) -> None:
        """A disk of `size` GiB is there that begins as the `source` is: a 'volume' or a 'snapshot', as `kind` says.

        One that is there already is left alone.  Raises NotFound for the source, and Unavailable.
        """

    @abc.abstractmethod
    def begin_copy(self, copy_id: str, kind: str, volume_id: str) -> dict[str, str] | None:
        """Where a guest that has the volume open writes what it holds, {'path', 'format'}: nothing is there yet.

        `kind` says what becomes of it, as in `create_copy`.  None when that is there already.
        """

    @abc.abstractmethod
    def end_copy(self, copy_id: str, kind: str, size: int) -> None:
        """What the guest wrote is the snapshot, or the volume of `size` GiB.  Raises NotFound and Unavailable."""

    @abc.abstractmethod
    def exported(self, volume_id: str, format: str) -> contextlib.AbstractContextManager[str]:
        """The path, in the block, of a file that holds in that format what the volume has.

        Who asks sees to it that nobody writes the disk meanwhile.  Raises NotFound, Invalid and Unavailable.
        """

    @abc.abstractmethod
    def revert(self, volume_id: str, snapshot_id: str) -> None:
        """The volume has what the snapshot has, or all that it had.  Raises NotFound, and Unavailable."""

    @abc.abstractmethod
    def delete_snapshot(self, snapshot_id: str) -> None:
        """Nothing of the snapshot is left; gone already is fine.  Raises Conflict when what is there is another's."""

    @abc.abstractmethod
    def snapshots(self) -> dict[str, int]:
        """Every snapshot that is here: snapshot id -> GiB."""


class Reading(Protocol):
    """The bytes of a disk while nobody writes it."""

    size: int
    # The same text is said again only of the same bytes; None where the store cannot tell.
    mark: str | None

    def extents(self) -> Iterator[tuple[int, int]]:
        """(start, end) of what may hold more than zeros, ascending."""

    def pread(self, length: int, at: int) -> bytes:
        """So many bytes from there on."""


class Writing(Protocol):
    """A disk of zeros that is being filled."""

    def pwrite(self, data: bytes, at: int) -> None:
        """The bytes stand from there on."""


class Contents(abc.ABC):
    """What disks hold, to be kept elsewhere and put back."""

    @abc.abstractmethod
    def read(self, id: str, kind: str) -> AbstractContextManager[Reading]:
        """The bytes of a 'volume' or a 'snapshot', as `kind` says.

        Who asks sees to it that nobody writes it meanwhile.  Raises NotFound, and Unavailable.
        """

    @abc.abstractmethod
    def fill(self, volume_id: str, size: int, write: Callable[[Writing], None]) -> None:
        """The volume has `size` GiB: what `write` wrote, and zeros everywhere else; or all is as it was.

        Raises Unavailable when the store is full or failing, and whatever `write` raises.
        """


class Access(abc.ABC):
    """Connections: how hosts open disks."""

    @abc.abstractmethod
    def connect(self, volume_id: str, connector: dict[str, Any]) -> dict[str, Any]:
        """How the connector's host opens the disk: {'driver_volume_type', 'data'}.  Raises NotFound."""

    @abc.abstractmethod
    def disconnect(self, volume_id: str, connector: dict[str, Any]) -> None:
        """The connector's host does not open the disk any more; a disk that is gone is fine."""


class Driver(Disks, Copies, Contents, Access):
    """A volume driver: disks, their copies, contents and connections, and the store that holds them."""

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
