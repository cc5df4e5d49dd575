"""Starts nimbus itself, in one process or as daemons, and waits until all of it serves."""

import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

from devstack import demo, settings
from devstack.place import REST, Place
from devstack.ports import owner
from devstack.processes import Registry, wait_until
from devstack.progress import Unable, say

DAEMONS = ('identity', 'image', 'api', 'conductor', 'scheduler', 'network', 'volume', 'compute')
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


def up(place: Place, registry: Registry, changed: bool) -> None:
    """Every part of the cloud runs with today's settings and says that it is well."""
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
        words = [str(BIN / name), *(['up'] if name == 'nimbus' else []), *_told(place, agent)]
        registry.start(name, words, QUIET_LIBVIRT)
    _wait(place, registry)


def _told(place: Place, agent: bool = False) -> list[str]:
    return [word for file in settings.files(place, agent) for word in ('--config-file', str(file))]


def _prepare(place: Place) -> None:
    """The schema is the newest, and the first users, roles and endpoints stand."""
    say('preparing the database')
    passwords = []
    for option, user in {'--password-file': 'admin', '--service-password-file': 'nimbus'}.items():
        place.secret(user)
        passwords += [option, str(place.secret_file(user))]
    commands = [['db', 'upgrade'], ['token', 'setup'], ['bootstrap', *passwords]]
    words = [json.dumps([*_told(place), *command]) for command in commands]
    done = subprocess.run([sys.executable, '-c', MANAGE, *words], capture_output=True, text=True)
    if done.returncode:
        raise Unable(f'nimbus-manage failed: {(done.stderr or done.stdout).strip()[-3000:]}')


def _wait(place: Place, registry: Registry) -> None:
    for service in REST:
        registry.require(owner(place, service), lambda service=service: _healthy(place, service), 60)
    wait_until(lambda: _complaint(place) is None or not all(map(registry.get, names(place))), 60, 0.2)
    if complaint := _complaint(place):
        dead = [f'{name} has died: {registry.tail(name, 5)}' for name in names(place) if not registry.get(name)]
        raise Unable(f'the cloud is not ready. {complaint}' + '\n'.join(['', *dead]))


def _healthy(place: Place, service: str) -> bool:
    try:
        with urllib.request.urlopen(f'{place.url(service)}/healthcheck', timeout=5) as answer:
            return answer.status == 200
    except (OSError, urllib.error.HTTPError):
        return False


def _complaint(place: Place) -> str | None:
    """What `nimbus status` finds wrong; an agent that it does not know yet is not up either."""
    words = {f'OS_{key.upper()}': str(value) for key, value in demo.auth(place, 'admin').items()}
    done = subprocess.run([str(BIN / 'nimbus'), 'status'], env={**os.environ, **words}, capture_output=True, text=True)
    missing = [binary for binary in REPORTING if binary not in done.stdout]
    if done.returncode == 0 and not missing:
        return None
    unheard = f'\nNothing was heard of {", ".join(missing)}.' if missing else ''
    return f'nimbus status says:\n{done.stdout}{done.stderr}{unheard}'
