"""Password hashing in a small pool of threads, so that many logins at once cannot starve other requests."""

import base64
import concurrent.futures
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from typing import Any

import bcrypt

from nimbus.common import errors, turns

BCRYPT_BYTES = 72  # bcrypt reads no further
LONG = '$sha512'  # marks the hash of a password longer than bcrypt reads
NICENESS = 5  # hashing yields the processor to requests that are answered in microseconds


class Passwords:
    """Makes and checks hashes; at most some at a time, and at most some waiting."""

    def __init__(self, rounds: int = 12, threads: int = 0, waiting: int = 64) -> None:
        """`threads` 0 means one for each processor."""
        threads = threads or os.cpu_count() or 1
        self._rounds = rounds
        self._slots = threading.BoundedSemaphore(threads + waiting)
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, 'password', initializer=_yield_to_others)
        # Checking the password of an unknown user against this hash takes as long as any other check.
        self._dummy = bcrypt.gensalt(rounds).decode() + '.' * 31

    def hash(self, password: str) -> str:
        """A hash to store.  Raises Unavailable when too many wait."""
        return self._run(self._hash, password)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether the hash is that of the password; without a hash false, after the same time.

        Raises Unavailable when too many wait.
        """
        matches = self._run(_matches, password, stored or self._dummy)
        return matches and stored is not None

    def close(self) -> None:
        """The threads have ended."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, work: Callable[..., Any], *args: Any) -> Any:
        if not self._slots.acquire(blocking=False):
            raise errors.Unavailable('Too many logins are being checked at the moment; please try again.')
        try:
            with turns.waiting():
                return self._pool.submit(work, *args).result()
        finally:
            self._slots.release()

    def _hash(self, password: str) -> str:
        made = bcrypt.hashpw(_bytes(password), bcrypt.gensalt(self._rounds)).decode()
        return LONG + made if _is_long(password) else made


def _matches(password: str, stored: str) -> bool:
    if stored.startswith(LONG) != _is_long(password):
        bcrypt.checkpw(b'', stored.removeprefix(LONG).encode())  # a wrong password takes its time, whatever its length
        return False
    return bcrypt.checkpw(_bytes(password), stored.removeprefix(LONG).encode())


def _is_long(password: str) -> bool:
    data = password.encode()
    return len(data) > BCRYPT_BYTES or b'\0' in data


def _bytes(password: str) -> bytes:
    data = password.encode()
    if _is_long(password):
        return base64.b64encode(hashlib.sha512(data).digest())[:BCRYPT_BYTES]
    return data


def _yield_to_others() -> None:
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
