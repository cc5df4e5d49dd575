"""The interface of an image store: drafts of data that comes in, and published data."""

import abc
from collections.abc import Iterator

PIECE = 1 << 16  # bytes read at once


class Draft(abc.ABC):
    """The data of an image that is being uploaded; nobody can read it yet."""

    path: str  # a file that may be inspected once `settle` was called

    @abc.abstractmethod
    def write(self, piece: bytes) -> None:
        """The piece follows what was written before.  Raises TooLarge when the store is full, Unavailable."""

    @abc.abstractmethod
    def settle(self) -> None:
        """Everything written survives a power cut."""

    @abc.abstractmethod
    def publish(self) -> None:
        """The bytes are the image's, at once and as a whole."""

    @abc.abstractmethod
    def drop(self) -> None:
        """Nothing of the draft is left, unless it was published; may be called twice."""


class Store(abc.ABC):
    """One image store."""

    kind: str  # as operators name it in the configuration
    read_only = False

    @abc.abstractmethod
    def draft(self, image_id: str, upload_id: str) -> Draft:
        """A new draft for the bytes of one upload."""

    @abc.abstractmethod
    def busy(self, image_id: str, upload_id: str) -> bool:
        """Whether a living process still works on that upload's draft."""

    @abc.abstractmethod
    def drop_draft(self, image_id: str, upload_id: str) -> None:
        """The draft of an upload whose process died is gone; nothing there is fine."""

    @abc.abstractmethod
    def read(self, image_id: str, start: int, length: int) -> Iterator[bytes]:
        """A part of an image's bytes, in pieces.  Raises NotFound before the first piece, Unavailable."""

    @abc.abstractmethod
    def delete(self, image_id: str) -> None:
        """The image's published bytes are gone; gone already is fine."""

    @abc.abstractmethod
    def present(self) -> list[str]:
        """The ids of every image whose bytes lie here."""

    @abc.abstractmethod
    def url(self, image_id: str) -> str:
        """Where the image's bytes are, for whoever has access to the store itself."""

    @abc.abstractmethod
    def about(self) -> dict[str, object]:
        """What operators are shown of the store."""
