"""Chooses which of the long parts of the tests a CI run has time for, and in which order.

First come the parts of the rooms that were changed lately, those of the most changed files before the others; then
the rest in turn, so that each comes first sooner or later.  No state is kept between runs: whose turn it is follows
from the number of commits, or from the day where the clone has not all of them.
"""

import collections
import os
import pathlib
import subprocess
import time

from devstack.arguments import REST

ROOT = pathlib.Path(__file__).resolve().parent.parent
SINCE = 'NIMBUS_SINCE'  # a commit: what changed after it is new
LATELY = 24 * 3600  # seconds before the newest commit; what changed within is new where nothing else is said
# How long each part takes on two cores, with what it starts and stops; in `fresh` and `nodes` also the first making
# of a machine's root.
SECONDS = {
    'long': 900,
    'writes': 60,
    'chaos': 430,
    'postgresql': 650,
    'mariadb': 950,
    'daemons': 250,
    'wide': 1500,
    'fresh': 600,
    'nodes': 1100,
}
SERVERS = ('postgresql', 'mariadb')
# The parts that show most of a folder and all below it; the deepest folder named counts.
ROOMS: dict[str, tuple[str, ...]] = {
    '.ci': (),
    'bench': (),
    'devstack': ('fresh', 'daemons', 'nodes'),
    'doc': (),
    'etc': ('fresh', 'nodes'),
    'findings': (),
    'nimbus': ('fresh',),
    'nimbus/api': ('wide',),
    'nimbus/api/identity': ('writes', 'wide', *SERVERS),
    'nimbus/api/kit': ('writes', 'wide'),
    'nimbus/cli': ('fresh',),
    'nimbus/cmd': ('daemons', 'chaos', 'fresh', 'nodes'),
    'nimbus/common': ('chaos', 'writes', *SERVERS),
    'nimbus/compute': ('chaos', 'wide', *SERVERS),
    'nimbus/compute/agent': ('long', 'nodes', 'daemons'),
    'nimbus/conductor': ('chaos', 'long', *SERVERS),
    'nimbus/console': ('wide',),
    'nimbus/identity': ('writes', 'wide', *SERVERS),
    'nimbus/image': ('chaos', 'wide', *SERVERS),
    'nimbus/migrations': (*SERVERS, 'daemons', 'nodes'),
    'nimbus/network': ('wide', *SERVERS),
    'nimbus/network/agent': ('long', 'nodes', 'daemons'),
    'nimbus/scheduler': ('chaos', *SERVERS),
    'nimbus/testing': (),
    'nimbus/volume': ('chaos', 'wide', *SERVERS),
    'nimbus/volume/agent': ('chaos', 'nodes', 'daemons'),
    'tests': (),
    'tests/agents': (),
    'tests/chaos': ('chaos',),
    'tests/devstack': (),
    'tests/domain': SERVERS,
    'tests/drivers': ('long',),
    'tests/fresh': ('fresh',),
    'tests/house': (),
    'tests/nodes': ('nodes',),
    'tests/real': ('long', 'writes'),
    'tests/samples': (),
    'tests/tempest': ('wide', 'daemons'),
    'tests/testing': (),
    'tests/whole': (),
    'tests/wire': SERVERS,
    'tests/wire/foreign': ('long', *SERVERS),
    'tests/workflows': ('long', *SERVERS),
}
FILES = {'README.md': ('fresh',), 'doc/operator-guide.md': ('nodes',), 'setup.cfg': ('fresh',)}


def parts_of(path: str) -> tuple[str, ...]:
    """The parts that show most of a file, by its path from the top of the repository."""
    folders = [str(folder) for folder in pathlib.PurePosixPath(path).parents]
    return FILES.get(path) or next((ROOMS[folder] for folder in folders if folder in ROOMS), ())


def order(changed: list[str], turn: int) -> list[str]:
    """Every part of the rest: those of the changed files, the most of them first, then the others in turn."""
    touched = collections.Counter(part for path in changed for part in parts_of(path))
    start = turn % len(REST)
    return sorted((*REST[start:], *REST[:start]), key=lambda part: -touched[part])


def changed() -> list[str]:
    """The files that were changed lately; none where that cannot be said, as in a clone of one commit."""
    since = _git('rev-parse', '--verify', '--quiet', f'{os.environ.get(SINCE) or "no"}^{{commit}}')
    if not since and (newest := _git('show', '--no-patch', '--format=%ct', 'HEAD')):
        since = _git('rev-list', '-1', f'--before={int(newest) - LATELY}', 'HEAD') or _git(
            'rev-parse', '--verify', '--quiet', 'HEAD^'
        )
    return _git('diff', '--name-only', since, 'HEAD').splitlines() if since else []


def turn() -> int:
    """A number for the rotation: it grows with every commit, or with every day in a shallow clone."""
    if _git('rev-parse', '--is-shallow-repository') == 'false' and (count := _git('rev-list', '--count', 'HEAD')):
        return int(count)
    return int(time.time()) // (24 * 3600)


def _git(*words: str) -> str:
    """The output of a git command, empty where it fails."""
    try:
        done = subprocess.run(['git', *words], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''
