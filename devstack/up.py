"""Brings up the cloud, boots the demo server and says how to reach both."""

import concurrent.futures
import hashlib
import os
import pathlib
import subprocess
from typing import TYPE_CHECKING

from devstack import (
    arguments,
    cloud,
    clouds_yaml,
    hosts,
    libvirtd,
    mariadb,
    outside,
    ports,
    postgresql,
    rabbitmq,
    settings,
    switch,
)
from devstack.place import Place, alone, auth, users
from devstack.processes import MARK, Registry
from devstack.progress import Unable, finish, leave_at_once, say

if TYPE_CHECKING:
    from devstack import demo

HERE = pathlib.Path(__file__).parent
BUILD = HERE / 'guest' / 'build'
KEEPER = 'nodes'  # the process that lives as long as the nodes of a cloud of several hosts


def main() -> int:
    """The cloud is up and, unless the options exclude it, the demo server runs."""
    options = arguments.up().parse_args()
    leave_at_once()
    registry = Registry(options.state.absolute())
    ports.require_free(arguments.wish(options), registry)
    with alone(options.state.absolute()):
        place = arguments.place(options)
        if place.choices.form == 'hosts':
            hosts_up(place, registry)
            return 0
        # What this starts and waits for is stopped by devstack/down too, should this be killed meanwhile.
        os.environ[MARK] = str(place.state)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            image = None if options.no_demo else pool.submit(guest_image, place)
            admin = _cloud(place, registry)
            say('the cloud is ready')
            _point_clients(place)
            _report(place, _demo(place, image.result(), admin) if image else None)
    return 0


def hosts_up(place: Place, registry: Registry) -> None:
    """A cloud of a control host and others stands on nodes, which live until devstack/down.

    Raises Unable when it stands with another number of hosts.
    """
    count, ready = place.choices.hosts, place.state / hosts.READY
    if not registry.get(KEEPER):
        ready.unlink(missing_ok=True)
        say(f'installing a control host and {count} with guests as nodes: about five minutes, ten the first time')
        words = [str(cloud.BIN / 'python'), '-m', 'devstack.hosts', '--state', str(place.state), '--hosts', str(count)]
        registry.start(KEEPER, words, {'PYTHONPATH': str(HERE.parent)})
    registry.require(KEEPER, ready.exists, 1800)
    if (there := int(ready.read_text())) != count:
        raise Unable(f'the cloud has {there} hosts; run devstack/down first to have {count}.')
    say('the cloud is ready')
    _point_clients(place)
    _report(place, None)


def _demo(place: Place, image: pathlib.Path, admin: 'demo.Api') -> 'demo.Demo':
    from devstack import demo

    try:
        return demo.make(place, image, admin)
    finally:
        _point_clients(place)  # its user is there by now, also where its server is not


def _cloud(place: Place, registry: Registry) -> 'demo.Api':
    """What the cloud stands on runs, its settings are written, and nimbus serves; the administrator's way in."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        ovsdb = pool.submit(switch.up, place, registry)
        libvirt = pool.submit(_libvirt, place, registry)
        servers = [pool.submit(start, place, registry) for start in _servers(place)]
        for server in servers:
            server.result()
        datapath = switch.datapath_type()
        outside.up(place, ovsdb.result(), datapath)
        changed = settings.write(place, ovsdb.result(), libvirt.result(), datapath)
    return cloud.up(place, registry, changed)


def _servers(place: Place) -> list:
    if place.choices.form == 'embedded':
        return []
    return [rabbitmq.up, {'mariadb': mariadb, 'postgresql': postgresql}[place.choices.database].up]


def _libvirt(place: Place, registry: Registry) -> str:
    if place.choices.form == 'daemons':
        return libvirtd.up(place, registry)
    return f'qemu:///embed?root={place.folder("libvirt", 0o700)}'


def guest_image(place: Place) -> pathlib.Path:
    """The file of the small guest image, built unless it was built from these very sources."""
    folder = place.folder('guest')
    image, built = folder / 'nimbus-guest.qcow2', folder / 'built-from'
    source = _digest(BUILD.parent)
    if image.exists() and built.exists() and built.read_text() == source:
        return image
    say('building the guest image (once, about half a minute)')
    log = place.folder('log') / 'guest-image.log'
    with log.open('wb') as output:
        words = [str(BUILD), str(folder), str(place.folder('guest/cache'))]
        code = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT).returncode
    if code == 0:
        built.write_text(source)
    elif image.exists():
        say(f'the guest image could not be built anew, so the one that is there is used; see {log}')
    else:
        raise Unable(
            f'the guest image could not be built; devstack/up --no-demo brings up the cloud without it. '
            f'The end of {log}:\n{log.read_text()[-2000:].rstrip()}'
        )
    return image


def _digest(folder: pathlib.Path) -> str:
    """What the files below `folder` are, as one word."""
    made = hashlib.sha256()
    for path in sorted(path for path in folder.rglob('*') if path.is_file()):
        made.update(f'{path.relative_to(folder)}\0'.encode() + path.read_bytes() + b'\0')
    return made.hexdigest()


def entries(place: Place) -> dict[str, dict[str, object]]:
    """The clouds that this cloud adds to the user's clouds.yaml: of the users whom it has."""
    shape = {'region_name': 'RegionOne', 'identity_api_version': 3}
    there = {name: user for name, user in users(place).items() if user == 'admin' or place.secret_file(user).exists()}
    return {name: {'auth': auth(place, user), **shape} for name, user in there.items()}


def _point_clients(place: Place) -> None:
    file = clouds_yaml.path()
    wanted = entries(place)
    if any(clouds_yaml.get(file, name) != entry for name, entry in wanted.items()):
        clouds_yaml.put(file, wanted)
        say(f'{file} has the cloud{"s" if len(wanted) > 1 else ""} {" and ".join(wanted)}')


def _report(place: Place, made: 'demo.Demo | None') -> None:
    """What can be done with the cloud now: lines that work as they are when they are typed."""
    admin, user = users(place)
    named = [('As administrator', f'{cloud.BIN}/openstack --os-cloud {admin} hypervisor list')]
    if made:
        tail = '\n'.join('    ' + line for line in made.console.splitlines()[-8:])
        print(f'\nThe server demo has the address {made.address}. The end of its console:\n\n{tail}')
        named = [
            ('Log in', ' \\\n                        '.join(_login(made))),
            ('Its screen', f'{cloud.BIN}/openstack --os-cloud {user} console url show demo'),
            ('As the demo user', f'{cloud.BIN}/openstack --os-cloud {user} server list'),
            *named,
        ]
    named += [
        ('Status', f'{cloud.BIN}/nimbus status --os-cloud {admin}'),
        ('Identity endpoint', f'{place.url("identity")}/v3'),
        ('Logs', f'{place.state}/log'),
        ('Stop it all', f'{HERE / "down"}{_state(place)}'),
    ]
    print('\n' + '\n'.join(f'{name + ":":<19} {line}' for name, line in named))


def _login(made: 'demo.Demo') -> list[str]:
    # Another demo has another key at the same address, so none is remembered.
    unknown = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'
    return [f'ssh -i {made.key} {unknown}', f'cirros@{made.address}']


def _state(place: Place) -> str:
    default = os.environ.get('NIMBUS_STATE', arguments.HOME)
    return '' if str(place.state) == default else f' --state {place.state}'


if __name__ == '__main__':
    finish(main)
