"""Runs libvirtd and virtlogd for the cloud alone, where no service manager runs them.

Both see private copies of libvirt's folders through a mount namespace of their own, so
that the host's configuration stays as it is and no mount is left when they end.
"""

import pathlib
import shutil
import subprocess

from devstack.place import Place
from devstack.processes import Registry
from devstack.progress import say

HOSTS = 'qemu:///system'
# What libvirt uses below /, and the folder of ours that lies over it.
VIEW = {
    'etc': '/etc/libvirt',
    'lib': '/var/lib/libvirt',
    'log': '/var/log/libvirt',
    'cache': '/var/cache/libvirt',
    'run': '/run/libvirt',
}
ENTER = (
    'state=$1; shift; '
    'while [ "$1" != -- ]; do mkdir -p "$2"; mount --bind "$state/$1" "$2"; shift 2; done; shift; '
    'exec "$@"'
)
QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "logd"
max_core = 0
"""


def up(place: Place, registry: Registry) -> str:
    """libvirtd answers; returns the URI at which it does."""
    if pathlib.Path('/run/systemd/system').is_dir():
        say('starting libvirtd by systemd')
        subprocess.run(['systemctl', 'start', 'virtlogd', 'libvirtd'], check=True)
        return HOSTS
    folder = place.folder('libvirt', 0o700)
    socket = folder / 'run' / 'libvirt-sock'
    uri = f'qemu+unix:///system?socket={socket}'
    if registry.get('libvirtd') and registry.get('virtlogd'):
        return uri
    say('starting libvirtd')
    _settings(place, folder)
    for name in ('libvirtd', 'virtlogd'):
        if not registry.get(name):
            continue
        registry.stop(name)
    registry.start('virtlogd', _inside(folder, ['virtlogd', '-p', '/run/libvirt/virtlogd.pid']))
    registry.require('virtlogd', (folder / 'run' / 'virtlogd-sock').exists, 10)
    registry.start('libvirtd', _inside(folder, ['libvirtd', '-p', '/run/libvirt/libvirtd.pid']))
    registry.require('libvirtd', lambda: answers(uri), 30)
    return uri


def down(registry: Registry) -> None:
    """libvirtd and virtlogd are gone; guests are not their business here."""
    # It hears nothing while it looks at QEMU for the first time, and has nothing to save.
    registry.stop('libvirtd', timeout=3)
    registry.stop('virtlogd', timeout=3)


def forget(state: pathlib.Path, uri: str = HOSTS) -> None:
    """The host's own libvirt, where there is one, knows no guest whose disks lie below `state`."""
    if shutil.which('virsh') is None or (uri == HOSTS and not pathlib.Path('/run/systemd/system').is_dir()):
        return
    for guest in _virsh(uri, 'list', '--all', '--uuid').split():
        if f'{state}/' in _virsh(uri, 'dumpxml', guest):
            _virsh(uri, 'destroy', guest)
            _virsh(uri, 'undefine', guest, '--nvram', '--managed-save', '--snapshots-metadata')


def _virsh(uri: str, *words: str) -> str:
    return subprocess.run(['virsh', '-q', '-c', uri, *words], capture_output=True, text=True).stdout


def answers(uri: str) -> bool:
    """Whether libvirt speaks at `uri`."""
    asked = subprocess.run(['virsh', '-q', '-c', uri, 'version'], capture_output=True, timeout=20)
    return asked.returncode == 0


def _inside(folder: pathlib.Path, argv: list[str]) -> list[str]:
    pairs = [word for ours, theirs in VIEW.items() for word in (ours, theirs)]
    enter = ['unshare', '--mount', '--propagation', 'slave', '--', '/bin/sh', '-ec', ENTER, 'sh', str(folder)]
    return [*enter, *pairs, '--', *argv]


def _settings(place: Place, folder: pathlib.Path) -> None:
    for name in (*VIEW, 'lib/images', 'lib/qemu', 'lib/boot', 'etc/qemu'):
        place.folder(f'libvirt/{name}')
    for stale in ('libvirt-sock', 'libvirt-sock-ro', 'virtlogd-sock', 'libvirtd.pid', 'virtlogd.pid'):
        (folder / 'run' / stale).unlink(missing_ok=True)
    (folder / 'etc' / 'qemu.conf').write_text(QEMU_CONF)
    (folder / 'etc' / 'libvirtd.conf').write_text(
        f'host_uuid = "{_host_uuid(folder)}"\n'
        'unix_sock_rw_perms = "0700"\n'
        'auth_unix_ro = "none"\n'
        'auth_unix_rw = "none"\n'
        'log_filters = "3:remote 4:event 3:json 3:rpc 4:util.dbus"\n'
        'log_outputs = "3:stderr"\n'
    )
    (folder / 'etc' / 'virtlogd.conf').write_text('log_level = 3\nlog_outputs = "3:stderr"\nmax_size = 2097152\n')


def _host_uuid(folder: pathlib.Path) -> str:
    """The host's identity in libvirt, the same at every start."""
    path = folder / 'uuid'
    if not path.exists():
        path.write_text(pathlib.Path('/proc/sys/kernel/random/uuid').read_text())
    return path.read_text().strip()
