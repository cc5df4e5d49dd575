"""A network of Debian nodes for tests: containers of systemd-nspawn whose first process is systemd.

Unlike boxes they reach each other, run guests and bridges of their own, and can be cut off or switched off one by one.
All of it ends with the process that started it, however that ends; what a dead one left is removed by the next.
"""

import fcntl
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, Self

from devstack import roots
from devstack.boxes import WITH_US
from devstack.processes import wait_until
from devstack.progress import Unable

SYSTEMD = ('systemd', 'systemd-sysv', 'dbus', 'udev', 'iproute2', 'procps', 'iputils-ping')
BRIDGE = 'nimlab0'
NETWORK = '10.198.0'
MTU = 1600  # a tunnel over it carries packets of 1500
LAB = roots.CACHE / 'nodes'
# What a container of systemd may not do by itself, and a host of guests and networks must.
KERNEL = '@mount @keyring bpf perf_event_open'
DEVICES = ('/dev/net/tun', '/dev/fuse')
# What the operator guide says of tunnels with the datapath netdev; the rules of a boot before are gone after it.
UNDERLAY = """[Unit]
After=openvswitch-switch.service systemd-networkd.service
Requires=openvswitch-switch.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash -ec ' \\
    ovs-vsctl --may-exist add-br br-phy -- set bridge br-phy datapath_type=netdev \\
        other_config:hwaddr=$(cat /sys/class/net/host0/address) -- --may-exist add-port br-phy host0; \\
    ip addr flush dev host0; ip link set br-phy up; networkctl reload; networkctl reconfigure host0 br-phy; \\
    iptables -I INPUT -i host0 -j DROP; iptables -I FORWARD -i host0 -j DROP; ethtool -K host0 tx off'
[Install]
WantedBy=multi-user.target
"""


class Lab:
    """The nodes and the network between them; entered and left by `with`, one at a time on a machine."""

    def __init__(self) -> None:
        self._lock: Any = None
        self._nodes: list[Node] = []

    def __enter__(self) -> Self:
        if shutil.which('systemd-nspawn') is None:
            raise Unable('systemd-nspawn is not installed (apt-get install systemd-container).')
        LAB.mkdir(parents=True, exist_ok=True)
        self._lock = (LAB.parent / 'nodes.lock').open('w')
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._clean()
        _ip('link', 'add', BRIDGE, 'type', 'bridge')
        _ip('link', 'set', BRIDGE, 'mtu', str(MTU), 'up')
        _ip('addr', 'add', f'{NETWORK}.1/24', 'dev', BRIDGE)
        return self

    def __exit__(self, *_: object) -> None:
        for node in self._nodes:
            node.cut()
        self._clean()
        self._lock.close()

    def node(self, name: str, packages: Sequence[str]) -> 'Node':
        """A node of its own name and address with the packages, and what systemd needs; it is not running yet."""
        root = roots.make('bookworm', sorted({*SYSTEMD, *packages}))
        made = Node(name, f'{NETWORK}.{11 + len(self._nodes)}', root)
        self._nodes.append(made)
        made.settle()
        return made

    def introduce(self) -> None:
        """Every node knows the others by name."""
        lines = ''.join(f'{node.address} {node.name}\n' for node in self._nodes)
        for node in self._nodes:
            (node.root / 'etc/hosts').write_text(f'127.0.0.1 localhost\n{lines}')

    def _clean(self) -> None:
        for folder in LAB.iterdir():
            root = folder / 'root'
            wait_until(lambda root=root: not os.path.ismount(root) or _unmounted(root), 20)
            shutil.rmtree(folder)
        if os.path.exists(f'/sys/class/net/{BRIDGE}'):
            _ip('link', 'del', BRIDGE)


class Node:
    """One machine of a lab."""

    def __init__(self, name: str, address: str, base: pathlib.Path) -> None:
        self.name, self.address, self._base = name, address, base
        self.folder = LAB / name
        self.root = self.folder / 'root'
        self._machine: subprocess.Popen | None = None
        self._network: subprocess.Popen | None = None
        self.pid = 0

    def settle(self) -> None:
        """The node has a disk, over its root, with its name and the address of its card."""
        for name in ('upper', 'work', 'root'):
            (self.folder / name).mkdir(parents=True)
        layers = f'lowerdir={self._base},upperdir={self.folder}/upper,workdir={self.folder}/work'
        subprocess.run(['mount', '-t', 'overlay', 'overlay', '-o', layers, str(self.root)], check=True)
        (self.root / 'etc/hostname').write_text(f'{self.name}\n')
        (self.root / 'etc/machine-id').write_text('')
        card = f'[Match]\nName=host0\n[Link]\nMTUBytes={MTU}\n[Network]\nAddress={self.address}/24\n'
        network = self.root / 'etc/systemd/network'
        network.mkdir(parents=True, exist_ok=True)
        (network / '10-host0.network').write_text(card)
        self._link('multi-user.target.wants/systemd-networkd.service', '/lib/systemd/system/systemd-networkd.service')
        self._link('console-getty.service', '/dev/null')
        (self.root / 'etc/resolv.conf').unlink(missing_ok=True)
        (self.root / 'etc/resolv.conf').write_text('nameserver 10.0.2.3\n')  # slirp4netns's, which asks this machine's

    def _link(self, name: str, target: str) -> None:
        path = self.root / 'etc/systemd/system' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def boot(self) -> None:
        """The node runs with the disk that it had, and the services that it starts by itself have started."""
        words = ['systemd-nspawn', '-q', '-D', str(self.root), '-b', '--register=no', '--keep-unit']
        words += [f'--machine={self.name}', f'--network-bridge={BRIDGE}', '--capability=all', '--resolv-conf=off']
        words += [f'--system-call-filter={KERNEL}', *(f'--bind={path}' for path in DEVICES if os.path.exists(path))]
        words += [f'--bind={roots.debs("bookworm")}:/var/cache/apt/archives']
        words += [f'--bind-ro={path}' for path in roots.pip_folders()]
        with (self.folder / 'console.log').open('ab') as log:
            self._machine = subprocess.Popen(
                [*WITH_US, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=roots.environment() | {'SYSTEMD_NSPAWN_API_VFS_WRITABLE': 'network'},
            )
        if not wait_until(self._is_there, 60, 0.1):
            raise Unable(f'the node {self.name} did not start: {(self.folder / "console.log").read_text()[-2000:]}')
        _ip('link', 'set', f'vb-{self.name}', 'mtu', str(MTU))
        self._complete_checksums()
        self._reach_registries()
        if not wait_until(lambda: self.state() in ('running', 'degraded'), 180, 0.3):
            raise Unable(f'systemd of the node {self.name} is {self.state()} after 180 s.')

    def _complete_checksums(self) -> None:
        """The card leaves no checksum to a wire that is none: Open vSwitch of another node hands it on as it is."""
        words = ['nsenter', '-t', str(self.pid), '-n', 'ethtool', '-K', 'host0', 'tx', 'off']
        subprocess.run(words, check=True, capture_output=True)

    def carry_tunnels(self) -> None:
        """The node's address stands on a bridge of Open vSwitch, where tunnels of its own datapath may end.

        So it does again after a boot, and after its cable was pulled.
        """
        network = self.root / 'etc/systemd/network'
        card = f'[Match]\nName=host0\n[Link]\nMTUBytes={MTU}\n[Network]\nLinkLocalAddressing=no\n'
        bridge = f'[Match]\nName=br-phy\n[Link]\nMTUBytes={MTU}\n[Network]\nAddress={self.address}/24\n'
        (network / '10-host0.network').write_text(card)
        (network / '11-br-phy.network').write_text(bridge)
        (self.root / 'etc/systemd/system/underlay.service').write_text(UNDERLAY)
        self.must('systemctl', 'daemon-reload')
        self.must('systemctl', 'enable', '--now', 'underlay')

    def state(self) -> str:
        """What systemd says of the whole machine."""
        return self.run('systemctl', 'is-system-running').stdout.strip()

    def cut(self) -> None:
        """As after a power cut every process of the node is dead at once; its disk is as it was."""
        self._leave_registries()
        if self._machine:
            if self.pid:
                _kill(self.pid)
            self._wait_until_off(20)

    def _wait_until_off(self, seconds: float) -> None:
        machine, self._machine = self._machine, None
        if machine:
            try:
                machine.wait(seconds)
            except subprocess.TimeoutExpired:
                machine.kill()
                machine.wait()
        wait_until(lambda: not os.path.exists(f'/proc/{self.pid}/ns'), 10)
        self.pid = 0

    def power_off(self) -> None:
        """The node was shut down in order."""
        self.run('systemctl', 'poweroff')
        self._wait_until_off(120)
        self.cut()

    def disconnect(self) -> None:
        """The node is disconnected, also from this machine, through which it could reach the other nodes."""
        self._leave_registries()
        _ip('link', 'set', f'vb-{self.name}', 'down')

    def connect(self) -> None:
        """The node is connected again."""
        _ip('link', 'set', f'vb-{self.name}', 'up')
        self._reach_registries()

    def run(self, *argv: str, seconds: float = 300, **more: Any) -> subprocess.CompletedProcess:
        """`argv` has run in the node as root who has just logged in; standard error is in the output."""
        more.setdefault('stdin', subprocess.DEVNULL) if 'input' not in more else None
        login = [f'{key}={value}' for key, value in roots.environment().items()]
        enter = ['nsenter', '-t', str(self.pid), *'-m -u -i -n -p -r -w --'.split()]
        return subprocess.run(
            [*WITH_US, *enter, 'env', '-i', *login, *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            **more,
        )  # fmt: skip

    def must(self, *argv: str, **more: Any) -> str:
        """What `argv` printed, which has succeeded in the node.  Raises Unable with its last words."""
        done = self.run(*argv, **more)
        if done.returncode:
            raise Unable(f'{" ".join(argv)[:200]} on {self.name} failed ({done.returncode}): {done.stdout[-3000:]}')
        return done.stdout

    def lay(self, tree: pathlib.Path, folder: str) -> None:
        """The files of a tree that git knows lie below `folder` in the node."""
        place = self.root / folder.lstrip('/')
        place.mkdir(parents=True, exist_ok=True)
        names = subprocess.run(['git', '-C', str(tree), 'ls-files', '-z'], capture_output=True, check=True).stdout
        words = ['tar', '-C', str(tree), '--null', '--ignore-failed-read', '-T', '-', '-c']
        packed = subprocess.run(words, input=names, capture_output=True, check=True).stdout
        subprocess.run(['tar', '-x', '--no-same-owner', '-C', str(place)], input=packed, check=True)

    def _is_there(self) -> bool:
        machine = self._machine
        if machine is None or machine.poll() is not None:
            return False
        # nspawn has passing children before the node's first process: the one that is systemd is it.
        for child in _children(machine.pid):
            if _word(f'/proc/{child}/comm') == 'systemd' and os.path.exists(f'/proc/{child}/root/run/systemd/system'):
                self.pid = child
                return self.run('true').returncode == 0
        return False

    def _reach_registries(self) -> None:
        with (self.folder / 'network.log').open('ab') as log:
            words = ['slirp4netns', '--configure', '--disable-host-loopback', str(self.pid), 'tap0']
            self._network = subprocess.Popen(
                [*WITH_US, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def _leave_registries(self) -> None:
        if self._network:
            self._network.kill()
            self._network.wait()
            self._network = None


def _children(pid: int) -> list[int]:
    found = _word(f'/proc/{pid}/task/{pid}/children')
    return [int(word) for word in found.split()]


def _word(path: str) -> str:
    try:
        return pathlib.Path(path).read_text().strip()
    except OSError:
        return ''


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass


def _ip(*words: str) -> None:
    subprocess.run(['ip', *words], check=True, capture_output=True)


def _unmounted(root: pathlib.Path) -> bool:
    return subprocess.run(['umount', str(root)], capture_output=True).returncode == 0


def until(what: Callable[[], Any], seconds: float, told: Callable[[], str] = lambda: '') -> Any:
    """The first true result of `what`.  Raises Unable, with the text of `told`, when there is none within the time."""
    found: list[Any] = []

    def look() -> bool:
        found[:] = [what()]
        return bool(found[0])

    if not wait_until(look, seconds, 0.5):
        raise Unable(f'It did not come true within {seconds:.0f} s. {told()}')
    return found[0]
