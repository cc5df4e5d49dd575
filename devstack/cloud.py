"""Starts nimbus itself, in one process or as daemons, and waits until all of it serves."""

import json
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from devstack import settings
from devstack.place import REST, Place
from devstack.ports import owner
from devstack.processes import Registry, wait_until
from devstack.progress import Unable, say

if TYPE_CHECKING:
    from devstack import demo

DAEMONS = ('identity', 'image', 'api', 'conductor', 'scheduler', 'console', 'network', 'volume', 'compute')
AGENTS = ('network', 'volume', 'compute')
# The agents that must have reported before the cloud is ready, by the names under which they do.
REPORTING = ('nova-compute', 'neutron-', 'cinder-volume')
# nimbus-manage, several commands in one process: most of what each takes is the start.
MANAGE = (
    'import json, sys; from nimbus.cmd.manage import manage\n'
    'sys.exit(next((code for words in sys.argv[1:] if (code := manage.main(json.loads(words)))), 0))'
)
BIN = pathlib.Path(sys.executable).parent
# libvirt looks its host's name up every ten seconds and complains each time where no name server knows it.
QUIET_LIBVIRT = {'LIBVIRT_LOG_FILTERS': '4:util.util'}


def names(place: Place) -> list[str]:
    """The processes that make up the cloud, in the order of their start."""
    if place.choices.form == 'embedded':
        return ['nimbus']
    return [f'nimbus-{daemon}' for daemon in DAEMONS]


def up(place: Place, registry: Registry, changed: bool) -> 'demo.Api':
    """Every part of the cloud runs with today's settings and says that it is well; the administrator's way in."""
    if changed:
        for name in reversed(names(place)):
            registry.stop(name, children=False)
    missing = [name for name in names(place) if not registry.get(name)]
    if missing:
        if place.choices.form == 'daemons':
            _prepare(place)
        say(f'starting {", ".join(missing)}')
    for name in missing:
        agent = name.removeprefix('nimbus-') in AGENTS
        words = [str(BIN / name), *(['up'] if name == 'nimbus' else []), *_config_files(place, agent)]
        registry.start(name, words, QUIET_LIBVIRT)
    return _ready(place, registry)


def _config_files(place: Place, agent: bool = False) -> list[str]:
    return [word for file in settings.files(place, agent) for word in ('--config-file', str(file))]


def _prepare(place: Place) -> None:
    """The schema is the newest, and the first users, roles and endpoints stand."""
    say('preparing the database')
    passwords = []
    for option, user in {'--password-file': 'admin', '--service-password-file': 'nimbus'}.items():
        place.secret(user)
        passwords += [option, str(place.secret_file(user))]
    commands = [['db', 'upgrade'], ['token', 'setup'], ['bootstrap', *passwords]]
    words = [json.dumps([*_config_files(place), *command]) for command in commands]
    done = subprocess.run([sys.executable, '-c', MANAGE, *words], capture_output=True, text=True)
    if done.returncode:
        raise Unable(f'nimbus-manage failed: {(done.stderr or done.stdout).strip()[-3000:]}')


def _ready(place: Place, registry: Registry) -> 'demo.Api':
    # What it is asked with takes longer to load than a process to start, so that goes on meanwhile.
    from devstack import demo

    for service in REST:
        registry.require(owner(place, service), lambda service=service: _healthy(place, service), 60)
    admin = demo.Api(place, 'admin')
    heard: list[str | None] = []

    def well() -> bool:
        heard.append(_complaint(admin))
        return heard[-1] is None or not all(map(registry.get, names(place)))

    wait_until(well, 60, 0.1)
    if complaint := heard[-1]:
        dead = [f'{name} has died: {registry.tail(name, 5)}' for name in names(place) if not registry.get(name)]
        raise Unable(f'the cloud is not ready. {complaint}' + '\n'.join(['', *dead]))
    return admin


def _healthy(place: Place, service: str) -> bool:
    try:
        with urllib.request.urlopen(f'{place.url(service)}/healthcheck', timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.HTTPError):
        return False


def _complaint(admin: 'demo.Api') -> str | None:
    """What `nimbus status` would find wrong; an agent that it does not know yet is not up either."""
    from nimbus.cli import status
    from nimbus.cli.cloud import AWAY, Cloud, sentence

    try:
        asked = Cloud(admin.auth_url, admin.session)
        rows = [*status.endpoints(asked), *status.daemons(asked)]
    except AWAY as why:
        return f'It cannot be asked: {sentence(why)}'
    down = [f'{name} at {host} is down. {note}'.rstrip() for _, name, host, up, note in rows if not up]
    unheard = [binary for binary in REPORTING if not any(binary in row[1] for row in rows)]
    if unheard:
        down.append(f'Nothing was heard of {", ".join(unheard)}.')
    return '\n'.join(down) or None
