"""The hosts that the compute contract is tried on: a remembered one, and QEMU by embedded libvirt."""

import atexit
import base64
import dataclasses
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable

import pytest

from nimbus.common import folders
from nimbus.compute.agent.disks.imagecache import ImageCache
from nimbus.compute.agent.driver import Driver, Refused
from nimbus.compute.agent.fake.driver import FakeDriver, FakeSettings
from nimbus.compute.agent.fake.host import FakeHost
from nimbus.compute.guest import Guest, Image, Volume

REPO = pathlib.Path(__file__).resolve().parents[2]
QEMU = '/usr/bin/qemu-system-x86_64'


def wait_for(done: Callable[[], object], seconds: float = 60, what: str = 'it') -> object:
    """What `done()` returned once it was true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end, f'{what} did not come within {seconds} seconds'
        time.sleep(0.05)
    return found


def build_guest_image() -> pathlib.Path:
    """The cloud's own guest image, built by devstack/guest/build when it is not there yet."""
    folder = pathlib.Path(os.environ.get('NIMBUS_GUEST_IMAGE_DIR', tempfile.gettempdir() + '/nimbus-guest'))
    folder.mkdir(exist_ok=True)
    done = subprocess.run([REPO / 'devstack/guest/build', folder, folder / 'cache'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / 'nimbus-guest.qcow2'


def image_of(path: pathlib.Path, disk_format: str = 'qcow2') -> Image:
    """The Image value that describes a file."""
    content = path.read_bytes()
    return Image(
        str(uuid.uuid5(uuid.NAMESPACE_URL, str(path))),
        disk_format,
        len(content),
        'sha512',
        hashlib.sha512(content).hexdigest(),
    )


@functools.cache
def embedded_root() -> str:
    """The root of the embedded libvirt: one for the whole process, which can never open another."""
    folder = tempfile.mkdtemp(prefix='nl-', dir='/tmp')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def qemu_pids(guest_id: str) -> list[int]:
    """The QEMU processes that run a guest, as the kernel knows them."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / 'cmdline').read_bytes().split(b'\0')
            except OSError:
                continue
            if words[0].startswith(QEMU.encode()) and guest_id.encode() in words:
                found.append(int(entry.name))
    return found


class FakeRig:
    """A remembered host, kept on disk too."""

    name, real = 'fake', False

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix='nimbus-fake-')
        self.settings = FakeSettings('h1', self.folder)
        self.driver: Driver = FakeDriver(self.settings)
        self.driver.open()

    @classmethod
    def lent(cls) -> 'FakeRig':
        """A host that nothing has happened on."""
        return cls()

    def close(self) -> None:
        self.driver.close()
        FakeHost.forget()
        shutil.rmtree(self.folder)

    def restart(self) -> Driver:
        """A new driver on the same host, with nothing remembered in the process."""
        self.driver.close()
        FakeHost.forget()
        self.driver = FakeDriver(self.settings)
        self.driver.open()
        return self.driver

    def guest(self, **changes) -> tuple[Guest, str]:
        return dataclasses.replace(_guest(Image('i1', 'qcow2', 1, 'sha512', '0')), **changes), '/base/i1'

    bootable = guest

    def volume(self, device: str, **changes) -> Volume:
        return _volume('/no/file', device, **changes)

    def booted(self, guest: Guest) -> None:
        assert self.driver.console(guest.id, None)

    def crash(self, guest: Guest) -> None:
        self.driver.host.crash(guest.id)

    def refused(self, guest: Guest) -> Guest:
        self.driver.host.fail('spawn', Refused('This host has no room left for the guest.'))
        return guest

    def processes(self, guest: Guest) -> int:
        return int(self.driver.guests().get(guest.id) == 'running')

    def leftovers(self, guest: Guest) -> list[str]:
        return [name for name in os.listdir(self.folder) if guest.id in name]

    def is_open_anywhere(self, volume: Volume) -> bool:
        return any(volume.id in guest.volumes for guest in self.driver.host.all().values())


class LibvirtRig:
    """QEMU by libvirt embedded in this process, or by the libvirtd at NIMBUS_TEST_LIBVIRT_URI.

    Its paths are short, for the sake of QEMU's sockets.
    """

    name, real = 'libvirt', True
    _made: dict[str, 'LibvirtRig'] = {}

    @classmethod
    def lent(cls, name: str = '') -> 'LibvirtRig':
        """The host of that name, with nothing on it: one for the whole process, as libvirt can open few and no more."""
        if name not in cls._made:
            cls._made[name] = cls()
            atexit.register(lambda: cls._made[name].driver.close())
        made = cls._made[name]
        made.folder.mkdir(exist_ok=True)
        folders.make(str(made.instances))
        made.cache = ImageCache(str(made.instances), lambda _: [made._bytes])
        return made

    def __init__(self) -> None:
        from nimbus.compute.agent.libvirt.driver import LibvirtDriver, LibvirtSettings

        self.driver_class = LibvirtDriver
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='nh-', dir='/tmp'))
        self.instances = self.folder / 'instances'
        self.settings = LibvirtSettings(
            str(self.instances),
            os.environ.get('NIMBUS_TEST_LIBVIRT_URI') or f'qemu:///embed?root={embedded_root()}',
            'qemu',
            detach_timeout=30,
            console_bytes=65536,
            serial_console=True,
            serial_port_range='21000:21999',
        )
        self.driver: Driver = LibvirtDriver(self.settings)
        self.driver.open()

    def close(self) -> None:
        for guest_id in self.driver.guests():
            self.driver.destroy(guest_id)
        shutil.rmtree(self.folder)

    def restart(self) -> Driver:
        self.driver.close()
        self.driver = self.driver_class(self.settings)
        self.driver.open()
        return self.driver

    def guest(self, **changes) -> tuple[Guest, str]:
        """A guest with an empty disk: its firmware runs, which is all that most tests need."""
        path = self.folder / 'empty.qcow2'
        if not path.exists():
            subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, '4M'], check=True)
        return self._cached(path, changes)

    def bootable(self, **changes) -> tuple[Guest, str]:
        """A guest with an operating system that answers ACPI."""
        return self.made_of(build_guest_image(), **changes)

    def made_of(self, path: pathlib.Path, **changes) -> tuple[Guest, str]:
        """A guest with the system in the file."""
        data = base64.b64encode(b'{"uuid": "0", "hostname": "guest"}').decode()
        drive = {'openstack/latest/meta_data.json': data}
        return self._cached(path, {'config_drive': drive, **changes})

    def _cached(self, path: pathlib.Path, changes: dict) -> tuple[Guest, str]:
        image = image_of(path)
        self._bytes = path.read_bytes()
        return dataclasses.replace(_guest(image), **changes), self.cache.get(image)

    def volume(self, device: str, **changes) -> Volume:
        path = self.folder / f'volume-{uuid.uuid4().hex}'
        with open(path, 'wb') as file:
            file.truncate(64 * 1024**2)
        return _volume(str(path), device, **changes)

    def booted(self, guest: Guest) -> None:
        wait_for(lambda: 'ready: ' in self.driver.console(guest.id, None), 60, 'the end of booting')

    def crash(self, guest: Guest) -> None:
        for pid in qemu_pids(guest.id):
            os.kill(pid, signal.SIGKILL)

    def refused(self, guest: Guest) -> Guest:
        return dataclasses.replace(guest, vcpus=5000)  # more than any machine type takes

    def processes(self, guest: Guest) -> int:
        return len(qemu_pids(guest.id))

    def leftovers(self, guest: Guest) -> list[str]:
        names = [str(path) for path in self.instances.rglob('*') if guest.id in str(path)]
        names += [str(path) for path in pathlib.Path(embedded_root()).glob('etc/qemu/*.xml') if guest.name in path.name]
        links = json.loads(subprocess.run(['ip', '-j', 'link'], check=True, capture_output=True).stdout)
        return names + [link['ifname'] for link in links if link['ifname'] in {nic.tap for nic in guest.nics}]

    def is_open_anywhere(self, volume: Volume) -> bool:
        links = pathlib.Path('/proc').glob('[0-9]*/fd/*')
        return any(_target(link) == volume.data['path'] for link in links) or _is_locked(volume.data['path'])


def _target(link: pathlib.Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ''


def _is_locked(path: str) -> bool:
    # QEMU marks what it does with an image by shared locks on single bytes from 100 on.
    with open(path, 'rb+') as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 200, 100)
        except BlockingIOError:
            return True
    return False


def _guest(image: Image) -> Guest:
    guest_id = str(uuid.uuid4())
    return Guest(guest_id, f'instance-{guest_id[:8]}', 'a guest', 'p1', 'u1', 1, 160, 0, image=image)


def _volume(path: str, device: str, **changes) -> Volume:
    volume = Volume(str(uuid.uuid4()), str(uuid.uuid4()), device, 'file', {'path': path, 'format': 'raw'}, 1)
    return dataclasses.replace(volume, **changes)


# Of tests that look at what a remembered host does not have.
on_qemu = pytest.mark.parametrize(
    'rig', [pytest.param(LibvirtRig, marks=pytest.mark.real)], indirect=True, scope='module', ids=['libvirt']
)
