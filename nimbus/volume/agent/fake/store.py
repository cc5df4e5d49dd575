"""A store of backups in memory, for pretended volumes."""

from nimbus.common import errors
from nimbus.volume.agent.backups.store import Store, checked


class MemoryStore(Store):
    """Keeps backups in a dictionary, which outlives the store."""

    name, shared = 'nimbus.memory', False

    def __init__(self, kept: dict[str, dict[str, bytes]] | None = None) -> None:
        self.kept = kept if kept is not None else {}

    def put(self, key: str, piece: str, data: bytes) -> None:
        self.kept.setdefault(checked(key), {})[piece] = data

    def publish(self, key: str, piece: str, data: bytes) -> None:
        self.put(key, piece, data)

    def get(self, key: str, piece: str) -> bytes:
        try:
            return self.kept[checked(key)][piece]
        except KeyError:
            raise errors.NotFound(f'Backup {key} has no piece {piece}.') from None

    def remove(self, key: str, first: str) -> None:
        self.kept.pop(checked(key), None)

    def keys(self) -> set[str]:
        return set(self.kept)
