"""Validators of several processes of one daemon: what one has applied of the revocations, all apply at once."""

from typing import Protocol


class Peers(Protocol):
    """The processes, each with a validator."""

    def applied(self, number: int, read_at: float) -> None:
        """This process has applied every revocation up to that number, read at that moment."""

    def newest(self) -> int:
        """The highest number that any process has applied."""

    def read_at(self) -> float | None:
        """When the process that reads revocations for all has done so; None in that process itself."""


def read_lately(peers: Peers | None, seen: int, since: float) -> float | None:
    """When another process has read the revocations for this one, which has applied those up to `seen`.

    None where it has not since that moment, or has found newer ones: then this process must read by itself.
    """
    read_at = peers.read_at() if peers is not None else None
    if peers is None or read_at is None or read_at < since or peers.newest() > seen:
        return None
    return read_at
