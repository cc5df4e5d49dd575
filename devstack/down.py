"""Stops the cloud, and everything that was started for it, in the opposite order of its start."""

import contextlib
import os
import shutil
from typing import Any

from devstack import (
    arguments,
    clouds_yaml,
    leftovers,
    libvirtd,
    mariadb,
    outside,
    packages,
    postgresql,
    rabbitmq,
    switch,
)
from devstack.place import Choices, Place, alone, made_here, remembered, users
from devstack.processes import Registry, end
from devstack.progress import Unable, finish, leave_at_once, say

AGENTS = ('nimbus-compute', 'nimbus-network', 'nimbus-volume')
KEPT = 'the packages that were installed and .venv stay'


def main() -> int:
    """Nothing of the cloud runs any more; its data is gone too when asked for."""
    options = arguments.down().parse_args()
    leave_at_once()
    packages.allow_starts()
    state = options.state.absolute()
    if not state.is_dir():
        say(f'there is no cloud in {state}')
        return 0
    if not made_here(state):
        raise Unable(f'{state} is not the folder of a cloud: it was not made by devstack/up, so it is left alone.')
    with alone(state):
        place = Place(state, remembered(state) or Choices())
        if options.purge:
            make_room(place)
        stop(place, Registry(state))
        if options.purge:
            purge(place)
    say('the cloud is down' + (f' and its data is gone; {KEPT}' if options.purge else ''))
    return 0


def make_room(place: Place) -> None:
    """What nobody reads any more is gone first: where the disk is full, the rest may need to write a little."""
    for name in ('guest', 'tempest'):
        shutil.rmtree(place.state / name, ignore_errors=True)
    for path in (place.state / 'log').glob('*'):
        if path.is_file():
            os.truncate(path, 0)


def stop(place: Place, registry: Registry) -> None:
    """No process, guest, namespace, bridge or tap of the cloud is left.  Raises Unable naming what is."""
    if registry.get('nodes'):
        say('ending the nodes')
    registry.stop('nodes', 120.0)
    ours = {name: process for name in registry.names() if name.startswith('nimbus') and (process := registry.get(name))}
    if ours:
        say(f'stopping {", ".join(reversed(ours))}')
    # The agents first: who answers an agent that has gone waits seconds for it to come back.
    end([process for name, process in ours.items() if name in AGENTS], 20.0)
    end(list(ours.values()), 20.0)
    for name in ours:
        registry.stop(name)
    end(registry.opening('qemu-system'), 5.0)
    switch.mend(place, registry)
    seen = leftovers.clear(place)
    for stopped in (libvirtd.down, mariadb.down, postgresql.down, rabbitmq.down):
        stopped(registry)
    outside.down(place, switch.database(place))
    switch.down(place, registry)
    end(registry.marked(), 5.0)
    for name in registry.names():
        registry.stop(name)
    if left := [f'process {process.pid}' for process in registry.marked()] + leftovers.found(place, seen):
        raise Unable(f'these could not be removed: {", ".join(left)}.')


def purge(place: Place) -> None:
    """The folder is gone, and clouds.yaml no longer points here."""
    file = clouds_yaml.path()
    if mine := [name for name, user in users(place).items() if _is_ours(place, user, clouds_yaml.get(file, name))]:
        clouds_yaml.take(file, mine)
    if place.choices.form == 'daemons':
        libvirtd.forget(place.state)
    for path in place.state.iterdir():
        # The mark that the folder is ours goes last, for a purge that is cut short.
        if path.name not in ('.lock', 'choices.json'):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name in ('choices.json', '.lock'):
        (place.state / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a mount point stays
        place.state.rmdir()


def _is_ours(place: Place, user: str, entry: dict[str, Any] | None) -> bool:
    """Whether the entry of clouds.yaml leads to this very cloud, and not to another one at the same address."""
    auth, kept = (entry or {}).get('auth', {}), place.secret_file(user)
    here = auth.get('auth_url') == f'{place.url("identity")}/v3'
    return here and kept.exists() and auth.get('password') == kept.read_text().strip()


if __name__ == '__main__':
    finish(main)
