"""The interface of an image store: drafts, staged data and published data."""

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
    def stage(self) -> None:
        """The bytes are kept beside the images until `Store.promote` takes them."""

    @abc.abstractmethod
    def drop(self) -> None:
        """Nothing of the draft is left, unless it was published or staged; may be called twice."""


class Store(abc.ABC):
    """One image store."""

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
    def promote(self, image_id: str) -> None:
        """The staged bytes are the image's; done already is fine.  Raises NotFound."""

    @abc.abstractmethod
    def read(self, image_id: str, start: int, length: int) -> Iterator[bytes]:
        """A part of an image's bytes, in pieces.  Raises NotFound before the first piece."""

    @abc.abstractmethod
    def local(self, image_id: str) -> str:
        """The path of a file that holds the image's published bytes."""

    @abc.abstractmethod
    def delete(self, image_id: str) -> None:
        """The image's bytes, published and staged, are gone; gone already is fine."""

    @abc.abstractmethod
    def present(self) -> list[str]:
        """The ids of every image whose bytes, published or staged, lie here."""
