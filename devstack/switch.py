"""Brings Open vSwitch up by hand where none runs, and uses the host's where one does."""

import os
import pathlib
import shutil
import subprocess

from devstack.place import Place
from devstack.processes import Registry, wait_until
from devstack.progress import Unable, say

HOSTS = pathlib.Path('/var/run/openvswitch/db.sock')
SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema'


def up(place: Place, registry: Registry) -> str:
    """A virtual switch answers; returns how ovsdb clients reach it."""
    ours = place.state / 'openvswitch'
    if not (ours / 'conf.db').exists():
        if pathlib.Path('/run/systemd/system').is_dir():
            subprocess.run(['systemctl', 'start', 'openvswitch-switch'], check=True)
        if _answers(f'unix:{HOSTS}'):
            say('using the Open vSwitch that runs on this host')
            return f'unix:{HOSTS}'
    _start(place, registry, ours)
    return f'unix:{ours}/db.sock'


def database(place: Place) -> str:
    """How ovsdb clients reach the switch that the cloud uses: its own where it has one, else the host's."""
    ours = place.state / 'openvswitch'
    return f'unix:{ours}/db.sock' if (ours / 'conf.db').exists() else f'unix:{HOSTS}'


def _start(place: Place, registry: Registry, folder: pathlib.Path) -> None:
    if registry.get('ovsdb-server') and registry.get('ovs-vswitchd'):
        return
    say('starting Open vSwitch')
    place.folder('openvswitch')
    database = folder / 'conf.db'
    if not database.exists():
        aside = folder / 'conf.db.new'
        aside.unlink(missing_ok=True)
        subprocess.run(['ovsdb-tool', 'create', str(aside), SCHEMA], check=True)
        aside.rename(database)
    remote = f'unix:{folder}/db.sock'
    environment = {'OVS_RUNDIR': str(folder), 'OVS_LOGDIR': str(folder), 'OVS_DBDIR': str(folder)}
    quiet = ['-vsyslog:off', '-vconsole:warn']
    if not registry.get('ovsdb-server'):
        registry.start(
            'ovsdb-server',
            [
                'ovsdb-server', str(database), f'--remote=p{remote}', f'--unixctl={folder}/ovsdb-server.ctl',
                '--remote=db:Open_vSwitch,Open_vSwitch,manager_options', *quiet,
            ],
            environment,
        )  # fmt: skip
    registry.require('ovsdb-server', lambda: _answers(remote), 10)
    _vsctl(remote, '--no-wait', 'init')
    _vsctl(remote, '--no-wait', 'set', 'Open_vSwitch', '.', f'external_ids:hostname={place.host}')
    if not registry.get('ovs-vswitchd'):
        (folder / 'untidy').touch()
        words = ['ovs-vswitchd', remote, f'--unixctl={folder}/ovs-vswitchd.ctl', *quiet]
        registry.start('ovs-vswitchd', words, environment)
    registry.require('ovs-vswitchd', lambda: _appctl(folder, 'version'), 15)


def datapath_type() -> str:
    """`system` where the kernel has Open vSwitch's datapath, `netdev` where it does not."""
    if shutil.which('modprobe'):
        subprocess.run(['modprobe', 'openvswitch'], capture_output=True)
    return 'system' if pathlib.Path('/sys/module/openvswitch').exists() else 'netdev'


def mend(place: Place, registry: Registry) -> None:
    """A switch that was killed runs again: only a switch itself takes away the taps that it left behind."""
    folder = place.state / 'openvswitch'
    if (folder / 'untidy').exists():
        _start(place, registry, folder)


def down(place: Place, registry: Registry) -> None:
    """The switch that was started here is gone, with its bridges and taps; the host's is left alone."""
    mend(place, registry)
    folder = place.state / 'openvswitch'
    untidy = folder / 'untidy'
    if untidy.exists():
        # Only this word makes it take its taps and bridges along, and it answers before it has.
        _appctl(folder, 'exit', '--cleanup')
        wait_until(lambda: not registry.get('ovs-vswitchd'), 15)
    registry.stop('ovs-vswitchd')
    registry.stop('ovsdb-server')
    untidy.unlink(missing_ok=True)


def _appctl(folder: pathlib.Path, *words: str) -> bool:
    control = str(folder / 'ovs-vswitchd.ctl')
    return subprocess.run(['ovs-appctl', '--timeout=10', '-t', control, *words], capture_output=True).returncode == 0


def _answers(remote: str) -> bool:
    path = remote.removeprefix('unix:')
    if not os.path.exists(path):
        return False
    asked = subprocess.run(['ovs-vsctl', '--timeout=2', f'--db={remote}', '--no-wait', 'list-br'], capture_output=True)
    return asked.returncode == 0


def _vsctl(remote: str, *words: str) -> None:
    asked = subprocess.run(['ovs-vsctl', f'--db={remote}', *words], capture_output=True, text=True)
    if asked.returncode:
        raise Unable(f'Open vSwitch refused {" ".join(words)}: {asked.stderr.strip()}')
