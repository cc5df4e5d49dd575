"""Bursts identity with what it must refuse, and reports its memory, its log and the tokens of others."""

import argparse
import datetime
import pathlib
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from bench import flood, logins, measure
from nimbus.common.database import db
from nimbus.identity.models import Revocation, RevocationCounter

MEGABYTE = b'{"auth": {"identity": {"methods": ["password"], "x": "' + b'x' * (1 << 20) + b'"}}}'
DEEP = b'{"auth": ' + b'[' * 10_000 + b']' * 10_000 + b'}'


def main() -> None:
    """Print a line for validations in quiet, and one for each burst."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--count', type=int, default=10_000, help='wrong logins; of the other requests a tenth')
    parser.add_argument('--connections', type=int, default=64, help='requests at a time')
    parser.add_argument('--most', type=float, default=600, help='seconds that a burst may take; the rest is not sent')
    parser.add_argument('--only', help='bursts whose name holds this')
    parser.add_argument('--log', type=pathlib.Path, help='the file that identity logs to')
    parser.add_argument('--database', help='URL of its database, to revoke as many tokens as wrong logins there')
    options = parser.parse_args()
    cloud, login = measure.Processes(options), measure.Login(options)
    quiet = logins.validations(login, 10)
    measure.report(test='GET /v3/auth/tokens in quiet', **logins.figures(quiet))
    wrong = login.request()['auth']['identity']['password']['user'] | {'password': 'wrong'}
    bursts: dict[str, tuple[float, bytes]] = {
        'wrong logins': (1, flood.login(wrong)),
        'bodies of a megabyte': (0.1, MEGABYTE),
        'deep bodies': (0.1, DEEP),
        'lists of a megabyte that never close': (0.1, b'[' * (1 << 20)),
        'unknown users': (0.1, flood.login(wrong | {'name': 'nobody-' + 'x' * 200})),
    }
    for name, (share, body) in bursts.items():
        if not options.only or options.only in name:
            kind = flood.Kind(login.auth_url, '/auth/tokens', body, options.connections, int(options.count * share))
            _burst(options, cloud, login, name, lambda kind=kind: _sent(options, login, kind))
    if options.database and (not options.only or options.only in 'revocations'):
        _burst(options, cloud, login, 'revocations', lambda: _revoked(options, login))


def _burst(
    options: argparse.Namespace,
    cloud: measure.Processes,
    login: measure.Login,
    name: str,
    work: Callable[[], tuple[dict[str, Any], list[float]]],
) -> None:
    before, logged = cloud.pss_mib(), _size(options.log)
    forget_peaks(cloud)
    sent, walls = work()
    peak = peak_mib(cloud)
    measure.report(
        test=name,
        **sent,
        memory_mib_before=round(before, 1),
        resident_mib_at_most=round(peak, 1),
        memory_mib_after=round(cloud.pss_mib(), 1),
        logged_kib=(_size(options.log) - logged) // 1024,
        validations_meanwhile=logins.figures(walls),
        validations_afterwards=logins.figures(logins.validations(login, 5)),
    )


def _sent(options: argparse.Namespace, login: measure.Login, kind: flood.Kind) -> tuple[dict[str, Any], list[float]]:
    with flood.Flood(kind) as many:
        walls = logins.validations(login, options.most, lambda: many.over)
        return many.stop(), walls


def _revoked(options: argparse.Namespace, login: measure.Login) -> tuple[dict[str, Any], list[float]]:
    """So many tokens are refused that were never issued, as a night of logouts leaves them."""
    database = db.Database(options.database)
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    common = {'kind': 'audit', 'before': now, 'created_at': now}
    with database.write() as tx:
        first = tx.scalar(sa.select(RevocationCounter.number)) + 1
        rows = [{**common, 'number': first + n, 'subject': f'bench-{first + n}'} for n in range(options.count)]
        tx.execute(sa.insert(Revocation.__table__), rows)
        tx.update(RevocationCounter, RevocationCounter.id == 1, number=first + options.count - 1)
    database.close()
    return {'sent': options.count}, logins.validations(login, 5)


def forget_peaks(cloud: measure.Processes) -> None:
    """The most memory that each process had is from now on what it has."""
    for pid in cloud.pids:
        pathlib.Path(f'/proc/{pid}/clear_refs').write_text('5')


def peak_mib(cloud: measure.Processes) -> float:
    """The most memory that the processes had, each at its own time."""
    lines = [line for pid in cloud.pids for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith('VmHWM:')) / 1024


def _size(log: pathlib.Path | None) -> int:
    return log.stat().st_size if log and log.exists() else 0


if __name__ == '__main__':
    began = time.monotonic()
    main()
    measure.report(test='all of it', seconds=round(time.monotonic() - began, 1))
