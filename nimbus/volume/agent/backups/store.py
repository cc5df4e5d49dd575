"""The interface of a store of backups: named pieces below a key, each of them whole or not there.

A key is the id of the backup that first wrote there.  Stores take no paths, so none can be pointed at another's bytes.
"""

import abc

from nimbus.common import errors, ids


class Store(abc.ABC):
    """A place for backups.  Every verb may be called twice; all raise Unavailable when the store is full or failing."""

    name: str  # of the technology; shown as the backup's service
    shared: bool  # whether every host reads what one has written

    @abc.abstractmethod
    def put(self, key: str, piece: str, data: bytes) -> None:
        """The piece has these bytes."""

    @abc.abstractmethod
    def publish(self, key: str, piece: str, data: bytes) -> None:
        """The piece has these bytes, and it and all that was put before survives a loss of power."""

    @abc.abstractmethod
    def get(self, key: str, piece: str) -> bytes:
        """The bytes of the piece.  Raises NotFound."""

    @abc.abstractmethod
    def remove(self, key: str, first: str) -> None:
        """Nothing of the key is left, and the piece `first` went before all others; gone already is fine."""

    @abc.abstractmethod
    def keys(self) -> set[str]:
        """Every key that has pieces."""


def checked(key: str) -> str:
    """The key, which is an id.  Raises Invalid."""
    if not ids.is_uuid(key):
        raise errors.Invalid(f'{key[:80]} is no id of a backup.')
    return key
