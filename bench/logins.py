"""Floods identity with wrong passwords, and reports what requests with valid tokens notice: time and memory."""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench import flood, measure


def main() -> None:
    """Print a line for validations in quiet, and one each for those in a flood of so many clients."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--count', type=int, default=1_000_000, help='wrong logins at most')
    parser.add_argument('--connections', type=int, nargs='+', default=[64, 400], help='wrong logins at a time')
    parser.add_argument('--seconds', type=float, default=15.0, help='how long to measure, in quiet and in each flood')
    parser.add_argument('--impatient', action='store_true', help='the clients try again at once')
    options = parser.parse_args()
    cloud, login = measure.Processes(options), measure.Login(options)
    quiet = validations(login, options.seconds)
    measure.report(test='GET /v3/auth/tokens in quiet', **figures(quiet))
    for clients in options.connections:
        _flood(options, cloud, login, clients, quiet)


def _flood(
    options: argparse.Namespace, cloud: measure.Processes, login: measure.Login, clients: int, quiet: list[float]
) -> None:
    wrong = login.request()['auth']['identity']['password']['user'] | {'password': 'wrong'}
    before = cloud.pss_mib()
    kind = flood.Kind(
        login.auth_url, '/auth/tokens', flood.login(wrong), clients, options.count, patient=not options.impatient
    )
    with flood.Flood(kind) as many:
        time.sleep(1)
        spent, began = cloud.cpu_ms(), time.monotonic()
        walls = validations(login, options.seconds)
        busy = (cloud.cpu_ms() - spent) / 1000 / (time.monotonic() - began)
        peak, sent = cloud.pss_mib(), many.stop()
    measure.report(
        test='GET /v3/auth/tokens in the flood',
        clients=clients,
        impatient=options.impatient,
        slower=round(statistics.median(walls) / statistics.median(quiet), 2),
        **figures(walls),
        processors_busy=round(busy, 2),
        **sent,
        memory_mib_before=round(before, 1),
        memory_mib_in_the_flood=round(peak, 1),
        memory_mib_after=round(cloud.pss_mib(), 1),
    )


def validations(login: measure.Login, seconds: float, until: Callable[[], bool] = lambda: False) -> list[float]:
    """The milliseconds of each validation, one after the other for so long, or until something is so."""
    identity, walls = measure.Endpoint(login.auth_url, login.token), []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and not until():
        began = time.perf_counter()
        assert identity.ask('GET', '/auth/tokens', x_subject_token=login.token)[0] == 200
        walls.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)  # as somebody who asks now and then, so that it is not this bench that fills the processor
    return walls


def figures(walls: list[float]) -> dict[str, Any]:
    """How many there were, and their percentiles."""
    ordered = sorted(walls)
    at: Callable[[float], float] = lambda part: round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 3)  # noqa: E731
    return {'count': len(walls), 'p50_ms': at(0.5), 'p99_ms': at(0.99), 'max_ms': at(1)}


if __name__ == '__main__':
    main()
