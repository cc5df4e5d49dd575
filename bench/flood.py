"""Many clients at one address, from a process of their own so that what is slow beside them is the server."""

import asyncio
import collections
import dataclasses
import json
import multiprocessing
import multiprocessing.connection
import os
import time
import urllib.parse
from typing import Any, Self

GRACE = 5.0  # seconds to wait for the flood's process


@dataclasses.dataclass(frozen=True)
class Kind:
    """What each client sends, how often all of them together, and whether they wait as Retry-After says."""

    url: str
    path: str
    body: bytes
    clients: int
    count: int
    patient: bool = True
    method: str = 'POST'
    headers: tuple[tuple[str, str], ...] = ()


class Flood:
    """The clients: sending within the `with`, and until it ends or they have sent all."""

    def __init__(self, kind: Kind) -> None:
        self._mine, theirs = multiprocessing.Pipe()
        spawn = multiprocessing.get_context('spawn')
        self._process = spawn.Process(target=_send, args=(kind, theirs), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        assert self._mine.recv() == 'begun'
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    @property
    def over(self) -> bool:
        """Whether everything was sent and answered."""
        return self._mine.poll()

    def stop(self) -> dict[str, Any]:
        """No client sends any more; returns how many requests of what answer there were."""
        if self._process.is_alive():
            self._mine.send('stop')
        result = self._mine.recv() if self._mine.poll(GRACE) else {}
        self._process.join(GRACE)
        self.stop = lambda: result  # type: ignore[method-assign]
        return result


def _send(kind: Kind, pipe: multiprocessing.connection.Connection) -> None:
    os.nice(5)  # a client's own work must not be taken for the server's
    asyncio.run(_Clients(kind, pipe).run())


class _Clients:
    def __init__(self, kind: Kind, pipe: multiprocessing.connection.Connection) -> None:
        self._kind, self._pipe, self._left = kind, pipe, kind.count
        place = urllib.parse.urlsplit(kind.url)
        self._host, self._port = place.hostname or '', place.port
        lines = [f'{kind.method} {place.path}{kind.path} HTTP/1.1', f'Host: {place.netloc}', 'Connection: close']
        lines += [f'{name}: {value}' for name, value in kind.headers]
        lines += ['Content-Type: application/json', f'Content-Length: {len(kind.body)}', '', '']
        self._bytes = '\r\n'.join(lines).encode() + kind.body
        self._answers: collections.Counter[str] = collections.Counter()
        self._sent, self._began = 0, time.monotonic()

    async def run(self) -> None:
        clients = [asyncio.create_task(self._client()) for _ in range(self._kind.clients)]
        self._pipe.send('begun')
        stop = asyncio.get_running_loop().run_in_executor(None, self._stop_asked)
        every = asyncio.gather(*clients, return_exceptions=True)
        await asyncio.wait([every, stop], return_when=asyncio.FIRST_COMPLETED)
        every.cancel()
        result = {
            'sent': self._sent,
            'answers': dict(self._answers),
            'seconds': round(time.monotonic() - self._began, 1),
        }
        self._pipe.send(result)
        os._exit(0)  # the thread that waits for a word to stop has had none

    def _stop_asked(self) -> None:
        self._pipe.poll(None)

    async def _client(self) -> None:
        while self._left > 0:
            self._left -= 1
            self._sent += 1
            answer, pause = await self._one()
            self._answers[answer] += 1
            if pause and self._kind.patient:
                await asyncio.sleep(pause)

    async def _one(self) -> tuple[str, float]:
        """The status of one request, and for how many seconds the server would not be asked again."""
        try:
            reading, writing = await asyncio.open_connection(self._host, self._port)
        except OSError:
            return 'refused', 0.0
        try:
            writing.write(self._bytes)
            head = (await reading.read(65536)).decode('latin-1')
            again = [line.split(':')[1] for line in head.split('\r\n') if line.lower().startswith('retry-after:')]
            return head.split()[1] if head else 'broken', float(again[0]) if again else 0.0
        except OSError:
            return 'broken', 0.0
        finally:
            writing.close()


def login(user: dict[str, Any], scope: Any = None) -> bytes:
    """The bytes of a login by password."""
    auth: dict[str, Any] = {'identity': {'methods': ['password'], 'password': {'user': user}}}
    return json.dumps({'auth': auth | ({'scope': scope} if scope else {})}).encode()
