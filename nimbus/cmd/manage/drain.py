"""`nimbus-manage host drain`: every server is taken off a host, for as long as this runs."""

import sys
import time
from typing import Any

from nimbus.cmd import wiring
from nimbus.common.database import db
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves.draining import Draining, Look

PAUSE = 2.0  # seconds between looks


def main(conf: Any, args: Any) -> int:
    """The host takes no new server and has none, 0; or some could not go, which are named with the reason, 1.

    Raises NotFound for a host that is not known.
    """
    database = wiring.make_parts(conf).db
    draining = Draining(database, args.name, args.at_once, shut_down=args.shut_down)
    draining.close(args.reason)
    print(f'{args.name} takes no new servers: {args.reason}', flush=True)
    try:
        seen = _until_over(draining, args.timeout)
    except KeyboardInterrupt:
        print('Interrupted: what is under way goes on; run the same command again to go on.', file=sys.stderr)
        return 130
    return _told(database, args.name, seen)


def _until_over(draining: Draining, timeout: float) -> Look:
    end, before = time.monotonic() + timeout, (-1, -1)
    while True:
        seen = draining.look()
        now = (len(seen.going), len(seen.left))
        if now != before:
            print(f'{now[0]} servers are to go, {now[1]} cannot.', flush=True)
        if seen.is_over or time.monotonic() > end:
            return seen
        before = now
        time.sleep(PAUSE)


def _told(database: db.Database, host: str, seen: Look) -> int:
    left = {**seen.left, **dict.fromkeys(seen.going, 'it is still on its way')}
    if not left:
        print(f'{host} is empty.')
        return 0
    print(f'{len(left)} servers are still on {host}:')
    with database.read() as tx:
        for server_id, why in left.items():
            print(f'  {server_id} {servers.row_of(tx, server_id).name}: {why}')
    return 1
