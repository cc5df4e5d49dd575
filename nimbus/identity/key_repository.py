"""Key repositories of tokens and credentials: directories of numbered key files that rotate without invalidating them.

The highest number is the primary key, which encrypts; 0 is the staged one, with
which every host can already decrypt before it becomes primary; the rest are
secondary and only decrypt.  A secondary key is deleted when every token it
encrypted has expired.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import time
from collections.abc import Callable, Iterator

from cryptography import fernet

from nimbus.common import errors

STAGED = 0
MARGIN = 300  # seconds a key is kept after its last token expired: hosts' clocks differ


def setup(directory: str | os.PathLike[str], make: Callable[[], bytes] = fernet.Fernet.generate_key) -> None:
    """The directory holds a staged and a primary key of the kind that `make` makes; what was there stays."""
    root = pathlib.Path(directory)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(root):
        numbers = numbers_in(root)
        if STAGED not in numbers:
            _create(root, STAGED, make())
        if not any(numbers):
            _create(root, 1, make())


def rotate(
    directory: str | os.PathLike[str],
    token_life: float,
    make: Callable[[], bytes] = fernet.Fernet.generate_key,
    retire: Callable[[bytes], bytes] | None = None,
) -> None:
    """The staged key is primary, a new one is staged; keys not used for `token_life` seconds are deleted.

    `retire` turns a secondary key into the part that can only decrypt or verify.  An interrupted rotation is completed.
    Raises NotFound when the directory was never set up.
    """
    root = pathlib.Path(directory)
    if not root.is_dir() or not any(numbers_in(root)):
        raise errors.NotFound(f'There are no keys in {directory}; run the setup first.')
    with _locked(root):
        numbers = numbers_in(root)
        if STAGED in numbers:
            primary = max(numbers)
            os.utime(root / str(primary))  # from now on it encrypts nothing
            os.rename(root / str(STAGED), root / str(primary + 1))
            os.utime(root / str(primary + 1))
        _create(root, STAGED, make())
        _drop_dead(root, token_life)
        if retire:
            _retire(root, retire)


def _drop_dead(root: pathlib.Path, token_life: float) -> None:
    numbers = numbers_in(root)
    for number in numbers:
        file = root / str(number)
        if number not in (STAGED, max(numbers)) and time.time() - file.stat().st_mtime > token_life + MARGIN:
            file.unlink()


def _retire(root: pathlib.Path, retire: Callable[[bytes], bytes]) -> None:
    numbers = numbers_in(root)
    for number in numbers:
        file = root / str(number)
        if number not in (STAGED, max(numbers)):
            whole, times = file.read_bytes(), file.stat()
            if (left := retire(whole)) != whole:
                _create(root, number, left, (times.st_atime, times.st_mtime))  # its age decides when it may be deleted


def numbers_in(root: pathlib.Path) -> list[int]:
    """The numbers of the keys that are there, the staged one first."""
    return sorted(int(file.name) for file in root.iterdir() if file.name.isdigit())


def newest_first(root: pathlib.Path) -> list[int]:
    """The numbers of the keys in the order of their use: primary, secondary, staged."""
    numbers = numbers_in(root)
    return [n for n in reversed(numbers) if n != STAGED] + [n for n in numbers if n == STAGED]


def _create(root: pathlib.Path, number: int, key: bytes, times: tuple[float, float] | None = None) -> None:
    """A key file appears whole or not at all."""
    part = root / f'.{number}.part'
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    if times:
        os.utime(part, times)
    os.rename(part, root / str(number))


@contextlib.contextmanager
def _locked(root: pathlib.Path) -> Iterator[None]:
    with open(root / '.lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Key(fernet.Fernet):
    """A key, and a digest that identifies it without revealing it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.name = hashlib.sha256(data).hexdigest()


class KeyRing:
    """The keys of a directory, read again when it changes."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._root = pathlib.Path(directory)
        self._stamp: tuple[int, ...] | None = None
        self._keys: list[Key] = []

    def refresh(self) -> None:
        """The keys in memory are those of the directory; a directory that cannot be read changes nothing."""
        with contextlib.suppress(OSError):
            stamp = self._root.stat().st_mtime_ns
            if stamp == self._stamp:
                return
            self._keys = [Key((self._root / str(n)).read_bytes()) for n in newest_first(self._root)]
            self._stamp = stamp

    def encrypt(self, payload: bytes, now: float) -> bytes:
        """The payload encrypted with the primary key.  Raises Unavailable without keys."""
        key = self.primary()
        if key is None:
            raise errors.Unavailable('Tokens cannot be issued: this host has no token keys.')
        return key.encrypt_at_time(payload, int(now))

    def primary(self) -> Key | None:
        """The primary key, None when the directory has none."""
        self.refresh()
        keys = self._keys
        return keys[0] if keys else None

    def decrypt(self, encrypted: bytes) -> bytes | None:
        """The decrypted payload of a token, or None when it was encrypted with none of the keys."""
        for attempt in range(2):
            for key in self._keys:
                with contextlib.suppress(fernet.InvalidToken):
                    return key.decrypt(encrypted)
            if attempt == 0:
                before = self._keys
                self.refresh()
                if self._keys is before:
                    break
        return None
