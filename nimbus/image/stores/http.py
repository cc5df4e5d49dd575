"""An image store that only reads: images lie at URLs of web servers that nimbus does not run."""

import hashlib
from collections.abc import Iterator
from typing import Any

from nimbus.common import errors
from nimbus.image.downloads.fetch import Download
from nimbus.image.downloads.rules import Rules
from nimbus.image.stores import base


class HttpStore(base.Store):
    """Images at their locations, fetched by the rules of downloads."""

    kind = 'http'
    read_only = True

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def read_at(self, image: Any, start: int, length: int) -> Iterator[bytes]:
        """A part of the bytes at the image's location; all of them only if they have the image's hash.

        Raises Unavailable before the first piece, and OSError before the last one.
        """
        try:
            download = Download(self.rules, image.location, image.size, (start, length))
        except errors.NimbusError as why:
            text = f'Image {image.id} cannot be fetched from its location.'
            raise errors.Unavailable(text, inside=f'{text} {why.inside}') from why
        pieces = _exactly(download, length)
        return _verified(pieces, image) if (start, length) == (0, image.size) else pieces

    def draft(self, image_id: str, upload_id: str) -> base.Draft:
        raise errors.Invalid('A store of web servers takes no images.')

    def busy(self, image_id: str, upload_id: str) -> bool:
        return False

    def drop_draft(self, image_id: str, upload_id: str) -> None:
        """There are none."""

    def read(self, image_id: str, start: int, length: int) -> Iterator[bytes]:
        raise errors.NotFound(f'Image {image_id} has no data.')

    def delete(self, image_id: str) -> None:
        """What lies at a location is its server's."""

    def present(self) -> list[str]:
        return []

    def url(self, image_id: str) -> str:
        return ''

    def about(self) -> dict[str, object]:
        return {}


def _exactly(download: Download, length: int) -> Iterator[bytes]:
    try:
        with download:
            for piece in download.pieces():
                length -= len(piece)
                yield piece
    except errors.NimbusError as why:
        raise OSError(f'An image broke off at its location: {why}') from why
    if length:
        raise OSError('What lies at the location of an image has another size')


def _verified(pieces: Iterator[bytes], image: Any) -> Iterator[bytes]:
    """The pieces; the last one is kept back until the hash of all is known."""
    sha, last = hashlib.new(image.os_hash_algo), b''
    for piece in pieces:
        sha.update(piece)
        if last:
            yield last
        last = piece
    if sha.hexdigest() != image.os_hash_value:
        raise OSError('What lies at the location of an image has another hash')
    yield last
