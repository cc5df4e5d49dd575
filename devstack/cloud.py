"""Starts nimbus itself, in one process or as daemons, and waits until all of it serves."""

import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

from devstack import settings
from devstack.place import REST, Place
from devstack.processes import Registry
from devstack.progress import Unable, say

DAEMONS = ('identity', 'image', 'api', 'conductor', 'scheduler', 'network', 'volume', 'compute')
AGENTS = ('network', 'volume', 'compute')
BIN = pathlib.Path(sys.executable).parent


def names(place: Place) -> list[str]:
    """The processes that make up the cloud, in the order of their start."""
    if place.choices.form == 'embedded':
        return ['nimbus']
    return [f'nimbus-{daemon}' for daemon in DAEMONS]


def up(place: Place, registry: Registry, changed: bool) -> None:
    """Every part of the cloud runs with today's settings and says that it is well."""
    if changed:
        for name in reversed(names(place)):
            registry.stop(name, children=False)
    missing = [name for name in names(place) if not registry.get(name)]
    if missing:
        _prepare(place)
        say(f'starting {", ".join(missing)}')
    for name in missing:
        agent = name.removeprefix('nimbus-') in AGENTS
        registry.start(name, [str(BIN / name), *(['up'] if name == 'nimbus' else []), *_told(place, agent)])
    _wait(place, registry)


def _told(place: Place, agent: bool = False) -> list[str]:
    return [word for file in settings.files(place, agent) for word in ('--config-file', str(file))]


def _prepare(place: Place) -> None:
    """The schema is the newest, and the first users, roles and endpoints stand."""
    say('preparing the database')
    passwords = []
    for option, user in {'--password-file': 'admin', '--service-password-file': 'nimbus'}.items():
        place.secret(user)
        passwords += [option, str(place.state / 'secrets' / user)]
    for words in (['db', 'upgrade'], ['token', 'setup'], ['bootstrap', *passwords]):
        done = subprocess.run([str(BIN / 'nimbus-manage'), *_told(place), *words], capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr or done.stdout).strip()[-3000:]
            raise Unable(f'nimbus-manage {" ".join(words[:2])} failed: {last}')


def _wait(place: Place, registry: Registry) -> None:
    first = names(place)[0]
    for service in REST:
        owner = first if place.choices.form == 'embedded' else _owner(service)
        registry.require(owner, lambda service=service: _healthy(place, service), 60)
    for name in names(place):
        registry.require(name, lambda: status(place) == 0, 60)


def _owner(service: str) -> str:
    return f'nimbus-{service}' if service in ('identity', 'image') else 'nimbus-api'


def _healthy(place: Place, service: str) -> bool:
    try:
        with urllib.request.urlopen(f'{place.url(service)}/healthcheck', timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.HTTPError):
        return False


def status(place: Place) -> int:
    """What `nimbus status` says by its exit code: 0 when every part of the cloud is up."""
    from devstack import demo

    words = {f'OS_{key.upper()}': str(value) for key, value in demo.auth(place, 'admin').items()}
    words |= {'OS_IDENTITY_API_VERSION': '3', 'PATH': '/usr/bin:/bin'}
    return subprocess.run([str(BIN / 'nimbus'), 'status'], env=words, capture_output=True).returncode
