"""Identity's public token keys as a service fetches and caches them on disk, to check tokens while identity is down."""

import contextlib
import json
import logging
import os
import pathlib
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

import jwt

from nimbus.common.clock import Clock
from nimbus.identity.tokens.signing import ALGORITHM, Verifier, jwk

LOG = logging.getLogger(__name__)
MAX_SET = 65536  # bytes; a longer answer is not accepted as a JWK set
TIMEOUT = 3.0  # seconds to wait for an answer; a request with an unknown key id may wait for it
AGAIN = 1.0  # seconds between two fetches for unknown key ids, so that requests with invented ids cost next to nothing


def fetch(url: str) -> bytes:
    """The body of the answer to a GET of the URL.  Raises OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=TIMEOUT) as answer:
        return answer.read(MAX_SET + 1)


class PublishedKeys(Verifier):
    """Identity's public keys as they were last published."""

    def __init__(
        self,
        file: str | os.PathLike[str],
        ask: Callable[[], bytes],
        interval: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        """`ask` fetches the JWK set and raises OSError when it cannot."""
        super().__init__()
        self._file, self._ask, self._interval = pathlib.Path(file), ask, interval
        self._clock = clock or Clock()
        self._asked_at, self._heard = -AGAIN, True
        self._asking = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        with contextlib.suppress(OSError, ValueError):
            self._known = _parsed(self._file.read_bytes())

    def start(self) -> None:
        self._thread = threading.Thread(target=self._follow, name='token-keys', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(TIMEOUT + 1)
            self._thread = None

    def _follow(self) -> None:
        while True:
            with self._asking:
                self._learn()
            if self._stop.wait(self._interval if self._known and self._heard else AGAIN):
                return

    def _learn(self) -> None:
        """The keys are those that identity publishes now, or stay as they are when it does not answer."""
        try:
            given = self._ask()
            known = _parsed(given)
        except (OSError, ValueError) as why:
            if self._heard:  # once, not every second of an outage
                LOG.warning('The public token keys cannot be fetched, and those on disk stay in use: %s', why)
            self._heard = False
            return
        finally:
            self._asked_at = self._clock.monotonic()
        self._heard = True
        if set(known) != set(self._known):
            self._keep(given)
            self._known = known

    def _keep(self, given: bytes) -> None:
        part = self._file.with_name(f'.{self._file.name}.{os.getpid()}')
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(given)
            os.replace(part, self._file)
        except OSError as why:
            LOG.warning('The public token keys cannot be written to %s: %s', self._file, why)

    def _key(self, kid: str) -> Any:
        if kid not in self._known and self._may_ask():
            with self._asking:
                if kid not in self._known and self._may_ask():
                    self._learn()
        return self._known.get(kid)

    def _may_ask(self) -> bool:
        """Whether a request may fetch keys now; during an outage no request waits, and only the thread tries again."""
        late = self._clock.monotonic() - self._asked_at >= AGAIN
        return late and (self._heard or self._thread is None)


def _parsed(given: bytes) -> dict[str, Any]:
    """The keys of a JWK set by their key ids.  Raises ValueError when none of them can verify tokens."""
    if len(given) > MAX_SET:
        raise ValueError('the answer is too long for a JWK set')
    try:
        shown = jwt.PyJWKSet.from_dict(json.loads(given)).keys
    except (jwt.PyJWTError, AttributeError, TypeError) as why:
        raise ValueError(f'the answer is not a JWK set: {why}') from why
    found = {jwk(one.key)['kid']: one.key for one in shown if one.algorithm_name == ALGORITHM}
    if not found:
        raise ValueError('the set has no key that signs tokens')
    return found
