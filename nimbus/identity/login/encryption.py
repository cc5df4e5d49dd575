"""Encryption of users' credentials in the database, with a key repository of its own."""

import os

from nimbus.common import errors
from nimbus.identity.key_repository import KeyRing


class Encryption:
    """Encrypts and decrypts texts with the keys of a directory."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._ring = KeyRing(directory) if directory else None

    def encrypt(self, text: str) -> tuple[str, str]:
        """The encrypted text, and the digest of the key that encrypted it.  Raises Unavailable without keys."""
        key = self._ring.primary() if self._ring else None
        if key is None:
            raise errors.Unavailable('Credentials cannot be kept: this host has no credential keys.')
        return key.encrypt(text.encode()).decode(), key.name

    def decrypt(self, encrypted: str) -> str:
        """The decrypted text.  Raises Unavailable when no key of this host decrypts it."""
        text = None
        if self._ring:
            self._ring.refresh()
            text = self._ring.decrypt(encrypted.encode())
        if text is None:
            raise errors.Unavailable("A credential cannot be read: none of this host's credential keys decrypts it.")
        return text.decode()

    def key_name(self) -> str | None:
        """The digest of the primary key, None without keys."""
        key = self._ring.primary() if self._ring else None
        return key.name if key else None
