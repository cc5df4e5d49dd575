"""Floods identity with wrong passwords, and tells what tokens that are valid notice of it: time, and the memory."""

import argparse
import contextlib
import http.client
import json
import statistics
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from bench import measure


def main() -> None:
    """Print a line each for validations in quiet, validations in the flood, and the flood itself."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--count', type=int, default=10_000, help='wrong logins at most')
    parser.add_argument('--connections', type=int, default=250, help='wrong logins at a time')
    parser.add_argument('--seconds', type=float, default=20.0, help='how long to measure, in quiet and in the flood')
    told = parser.parse_args()
    cloud, login = measure.Processes(told), measure.Login(told)
    before = cloud.pss_mib()
    quiet = _validations(login, told.seconds)
    measure.tell(test='GET /v3/auth/tokens in quiet', **_figures(quiet))
    flood = Flood(told, login)
    flood.start()
    walls = _validations(login, told.seconds)
    peak = cloud.pss_mib()
    flood.stop()
    measure.tell(test='GET /v3/auth/tokens in the flood', slower=_ratio(walls, quiet), **_figures(walls))
    measure.tell(
        test='wrong logins',
        sent=flood.sent,
        answers=flood.answers,
        memory_mib_before=round(before, 1),
        memory_mib_in_the_flood=round(peak, 1),
        memory_mib_after=round(cloud.pss_mib(), 1),
    )


def _validations(login: measure.Login, seconds: float) -> list[float]:
    """The milliseconds of each validation, one after the other for so long."""
    identity, walls = measure.Endpoint(login.auth_url, login.token), []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        began = time.perf_counter()
        assert identity.ask('GET', '/auth/tokens', x_subject_token=login.token)[0] == 200
        walls.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)  # as somebody who asks now and then, so that it is not this bench that fills the processor
    return walls


def _figures(walls: list[float]) -> dict[str, Any]:
    ordered = sorted(walls)
    at: Callable[[float], float] = lambda part: round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 3)  # noqa: E731
    return {'count': len(walls), 'p50_ms': at(0.5), 'p99_ms': at(0.99), 'max_ms': at(1)}


def _ratio(walls: list[float], quiet: list[float]) -> float:
    return round(statistics.median(walls) / statistics.median(quiet), 2)


class Flood:
    """Many who log in with a wrong password at the same time."""

    def __init__(self, told: argparse.Namespace, login: measure.Login) -> None:
        self._place, self._left = urllib.parse.urlsplit(login.auth_url), told.count
        body = login.request()
        body['auth']['identity']['password']['user']['password'] = 'wrong'
        self._body = json.dumps(body)
        self._guard, self._stop = threading.Lock(), threading.Event()
        self.sent, self.answers = 0, {}
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(told.connections)]

    def start(self) -> None:
        """Every connection has begun."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No further login is sent; those in the air are not waited for long."""
        self._stop.set()
        for thread in self._threads:
            thread.join(0.05)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._guard:
                if self.sent >= self._left:
                    return
                self.sent += 1
            answer: Any = 'broken'
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection(self._place.hostname or '', self._place.port, timeout=120)
                headers = {'Content-Type': 'application/json'}
                connection.request('POST', f'{self._place.path}/auth/tokens', self._body, headers)
                answer = connection.getresponse().status
                connection.close()
            with self._guard:
                self.answers[answer] = self.answers.get(answer, 0) + 1
            if answer == 503:
                self._stop.wait(2)  # as Retry-After says


if __name__ == '__main__':
    main()
