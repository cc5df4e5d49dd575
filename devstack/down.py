"""Stops the cloud, and everything that was started for it, in the opposite order of its start."""

import pathlib
import shutil

from devstack import arguments, clouds_yaml, leftovers, libvirtd, mariadb, postgresql, rabbitmq, switch
from devstack.place import Choices, Place, alone, remembered
from devstack.processes import Registry, end
from devstack.progress import Unable, finish, leave_at_once, say

AGENTS = ('nimbus-compute', 'nimbus-network', 'nimbus-volume')


def main() -> int:
    """Nothing of the cloud runs any more; its data is gone too when asked for."""
    options = arguments.down().parse_args()
    leave_at_once()
    state = options.state.absolute()
    if not state.is_dir():
        say(f'there is no cloud in {state}')
        return 0
    if not state_of_ours(state):
        raise Unable(f'{state} is not the folder of a cloud: it was not made by devstack/up, so it is left alone.')
    with alone(state):
        place = Place(state, remembered(state) or Choices())
        stop(place, Registry(state))
        if options.purge:
            purge(place)
    say('the cloud is down' + (' and its data is gone' if options.purge else ''))
    return 0


def state_of_ours(state: pathlib.Path) -> bool:
    """Whether devstack/up made the folder."""
    return (state / 'choices.json').exists() or not any(path.name != '.lock' for path in state.iterdir())


def stop(place: Place, registry: Registry) -> None:
    """No process, guest, namespace, bridge or tap of the cloud is left.  Raises Unable naming what is."""
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
    leftovers.clear(place)
    for stopped in (libvirtd.down, mariadb.down, postgresql.down, rabbitmq.down):
        stopped(registry)
    switch.down(place, registry)
    end(registry.marked(), 5.0)
    for name in registry.names():
        registry.stop(name)
    if left := [f'process {process.pid}' for process in registry.marked()] + leftovers.found(place):
        raise Unable(f'these could not be removed: {", ".join(left)}.')


def purge(place: Place) -> None:
    """The folder is empty but for its lock, and clouds.yaml no longer points here."""
    from devstack.up import users

    file = clouds_yaml.path()
    here = f'{place.url("identity")}/v3'
    mine = [
        name for name in users(place) if (clouds_yaml.get(file, name) or {}).get('auth', {}).get('auth_url') == here
    ]
    if mine:
        clouds_yaml.take(file, mine)
    libvirtd.forget(place.state)
    for path in place.state.iterdir():
        # The mark that the folder is ours goes last, for a purge that is cut short.
        if path.name not in ('.lock', 'choices.json'):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (place.state / 'choices.json').unlink(missing_ok=True)


if __name__ == '__main__':
    finish(main)
