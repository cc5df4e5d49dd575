"""A host to try network drivers on: pretended, or a private one with its own Open vSwitch and namespaces."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import uuid

from nimbus.network.agent.fake import driver as fake
from nimbus.network.agent.host import daemons
from nimbus.network.agent.host.settings import Settings
from nimbus.network.agent.ovs import driver as ovs

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
BRIDGES = {'public': 'br-ex'}
LIBC = ctypes.CDLL(None, use_errno=True)


def sh(*argv, stdin=None, check=True, timeout=30):
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        raise AssertionError(f'{argv}: {done.returncode} {done.stdout} {done.stderr}')
    return done.stdout


def until(holds, seconds=3):
    """Whether it holds before the time is over."""
    end = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


class FakeLab:
    """The pretended host, asked through its state."""

    real = False

    def __init__(self):
        self.name = uuid.uuid4().hex
        self.host = fake.host(self.name)

    def driver(self):
        return fake.Driver(self.name, bridges=BRIDGES)

    def enters(self, address):
        return self.host.comes_in(address) is not None

    def attach(self, port, address=True):
        pass

    def pings(self, source, target):
        return self.host.reaches(source.id, target.addresses[0].ip)

    def leases(self, port):
        return self.host.address_of(port.id)

    def snapshot(self):
        host = self.host
        return (host.bridge, host.ports, host.networks, host.routers, host.vlans) == (False, {}, {}, {}, {})

    def switch_away(self, away):
        self.host.away = away

    def close(self):
        fake.HOSTS.pop(self.name, None)


class PrivateHost:
    """The calling thread is in a network and a mount namespace of its own, with an Open vSwitch; then it is back."""

    def __enter__(self):
        self.folder_before = os.getcwd()
        self.home = [os.open(f'/proc/thread-self/ns/{kind}', os.O_RDONLY) for kind in ('net', 'mnt')]
        os.makedirs('/run/netns', exist_ok=True)
        if LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'unshare')
        sh('mount', '--make-rprivate', '/')
        sh('mount', '-t', 'tmpfs', 'nimbus-netlab', '/run/netns')
        self.begin()
        return self

    def begin(self):
        """An Open vSwitch of its own runs in the network namespace that the calling thread is in."""
        sh('ip', 'link', 'set', 'lo', 'up')
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='nimlab'))
        self.folder.chmod(0o755)
        self.ovsdb = f'unix:{self.folder}/db.sock'
        self.env = dict.fromkeys(('OVS_RUNDIR', 'OVS_LOGDIR', 'OVS_DBDIR', 'OVS_SYSCONFDIR'), str(self.folder))
        sh('ovsdb-tool', 'create', f'{self.folder}/conf.db', '/usr/share/openvswitch/vswitch.ovsschema')
        self.start_database()
        sh('ovs-vsctl', '--no-wait', f'--db={self.ovsdb}', 'init')
        self.start_switch()

    def end(self):
        """Its Open vSwitch is gone."""
        self.stop('ovs-vswitchd')
        self.stop('ovsdb-server')
        shutil.rmtree(self.folder)

    def __exit__(self, *why):
        self.end()
        for descriptor, kind in zip(self.home, (CLONE_NEWNET, CLONE_NEWNS), strict=True):
            if LIBC.setns(descriptor, kind):
                raise OSError(ctypes.get_errno(), 'setns')
            os.close(descriptor)
        os.chdir(self.folder_before)

    def start_database(self):
        self._daemon('ovsdb-server', f'{self.folder}/conf.db', f'--remote=p{self.ovsdb}')

    def start_switch(self):
        self._daemon('ovs-vswitchd', self.ovsdb)

    def stop(self, name):
        control = f'{self.folder}/{name}.ctl'
        pid = int((self.folder / f'{name}.pid').read_text())
        sh('ovs-appctl', '-t', control, 'exit', *(['--cleanup'] if name == 'ovs-vswitchd' else []))
        while os.path.exists(f'/proc/{pid}/exe'):
            time.sleep(0.01)

    def _daemon(self, name, *argv):
        place = f'{self.folder}/{name}'
        subprocess.run(
            [
                name,
                *argv,
                f'--pidfile={place}.pid',
                f'--unixctl={place}.ctl',
                f'--log-file={place}.log',
                '-vconsole:off',
                '-vsyslog:off',
                '--detach',
                '--no-chdir',
            ],
            env=os.environ | self.env,
            check=True,
            capture_output=True,
        )


class RealLab:
    """The private host, asked from outside the driver: ip, iptables-save, ping, DHCP."""

    real = True

    def __init__(self, machine):
        self.machine = machine
        self.state = machine.folder / uuid.uuid4().hex[:6]
        self.guests = {}
        self.settings = Settings(
            state_dir=str(self.state),
            ovsdb=machine.ovsdb,
            audit_seconds=0,
            metadata_socket=f'{self.state}/metadata.sock',
            bridges=BRIDGES,
        )
        self.drivers = []

    def driver(self):
        made = ovs.Driver(self.settings)
        self.drivers.append(made)
        return made

    def attach(self, port, address=True):
        """What QEMU does: a tap of that name joins the port's bridge; behind it is a namespace for a guest."""
        room = 'guest-' + port.id[:11]
        sh('ip', 'netns', 'add', room)
        self.guests[port.id] = room
        sh('ip', 'link', 'add', port.tap, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', room)
        sh('ip', 'link', 'set', port.tap, 'master', port.bridge, 'up')
        self.inside(port, 'ip', 'link', 'set', 'lo', 'up')
        self.inside(port, 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0')
        self.inside(port, 'ip', 'link', 'set', 'eth0', 'address', port.mac, 'up')
        for one in port.addresses if address else ():
            self.inside(port, 'ip', 'addr', 'add', one.ip + ('/64' if ':' in one.ip else '/24'), 'dev', 'eth0')

    def inside(self, port, *argv, **options):
        return sh('ip', 'netns', 'exec', self.guests[port.id], *argv, **options)

    def enters(self, address):
        """Whether the guest behind a floating address answers the host, which is outside."""
        answer = sh('ping', '-n', '-c', '3', '-i', '0.2', '-W', '1', address, check=False)
        return '100% packet loss' not in answer

    def pings(self, source, target):
        address = target if isinstance(target, str) else target.addresses[0].ip
        answer = self.inside(source, 'ping', '-n', '-c', '2', '-i', '0.2', '-W', '1', address, check=False)
        return ' 0% packet loss' in answer or '50% packet loss' in answer

    def connects(self, source, address, port):
        probe = (
            f'import socket; s = socket.create_connection(({address!r}, {port}), 1.5); '
            's.sendall(b"hello"); print(s.recv(9).decode())'
        )
        return 'hello' in self.inside(source, 'python3', '-c', probe, check=False)

    @contextlib.contextmanager
    def echo(self, port, number, family='AF_INET'):
        """The guest answers at a TCP port."""
        serve = (
            f'import socket\ns = socket.socket(socket.{family})\n'
            f's.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\ns.bind(("", {number}))\ns.listen(5)\n'
            'print("ready", flush=True)\n'
            'while True:\n    c = s.accept()[0]\n    d = c.recv(99)\n    while d:\n        c.sendall(d)\n'
            '        d = c.recv(99)\n'
        )
        with self.process(port, 'python3', '-c', serve) as running:
            assert running.stdout.readline() == 'ready\n'
            yield running

    @contextlib.contextmanager
    def process(self, port, *argv):
        """A process of the guest's, with its output."""
        with subprocess.Popen(
            ['ip', 'netns', 'exec', self.guests[port.id], *argv],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as running:
            try:
                yield running
            finally:
                running.kill()

    def offer(self, port):
        """All that DHCP gives the guest, by name; empty when nobody answers."""
        script = self.machine.folder / 'udhcpc.sh'
        script.write_text('#!/bin/sh\n[ "$1" = bound ] && env\nexit 0\n')
        script.chmod(0o755)
        answer = self.inside(
            port,
            'busybox',
            'udhcpc',
            '-i',
            'eth0',
            '-n',
            '-q',
            '-f',
            '-t',
            '3',
            '-T',
            '1',
            '-O',
            '121',
            '-O',
            'mtu',
            '-O',
            'staticroutes',
            '-s',
            str(script),
            check=False,
        )
        return dict(line.split('=', 1) for line in answer.splitlines() if '=' in line)

    def leases(self, port):
        return self.offer(port).get('ip')

    def snapshot(self):
        """Everything on the host that a driver could leave behind."""
        links = {line.split(':')[1].split('@')[0].strip() for line in sh('ip', '-o', 'link').splitlines()}
        guests = set(self.guests.values())
        rooms = {line.split()[0] for line in sh('ip', 'netns').splitlines()} - guests
        rules = [
            line
            for tool in ('iptables-save', 'ip6tables-save')
            for line in sh(tool).splitlines()
            if line.startswith('-A') or 'nim' in line
        ]
        return {
            'links': links - {port for port in links if port.startswith('tap') and self._is_guest(port)},
            'namespaces': rooms,
            'rules': rules,
            'sets': sh('ipset', 'list', '-n'),
            'switch': sh('ovs-vsctl', f'--db={self.machine.ovsdb}', '--columns=name', 'list', 'Interface'),
            'files': sorted(str(path) for path in self.state.rglob('*')),
            'processes': self.processes(),
        }

    def processes(self):
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            line = daemons.command_line(int(pid))
            if str(self.state) in ' '.join(line):
                found.append(line[0])
        return sorted(found)

    def _is_guest(self, tap):
        return any(port_id.startswith(tap[3:]) for port_id in self.guests)

    def vsctl(self, *argv):
        return sh('ovs-vsctl', f'--db={self.machine.ovsdb}', *argv).strip()

    def ofctl(self, *argv):
        return sh('ovs-ofctl', argv[0], f'unix:{self.machine.folder}/br-int.mgmt', *argv[1:])

    def switch_away(self, away):
        if away:
            self.machine.stop('ovsdb-server')
        else:
            self.machine.start_database()

    def close(self):
        for port_id, room in self.guests.items():
            sh('ip', 'link', 'del', 'tap' + port_id[:11], check=False)
            sh('ip', 'netns', 'del', room)
        last = ovs.Driver(self.settings)
        try:
            last.open()
            last.clear()
        finally:
            for made in (*self.drivers, last):
                made.close()


def apply(driver, wishes):
    assert driver.apply(wishes.desired()) == {}


def pair(driver, lab, wishes, *rules, **more):
    """Two guests of one group on one network, attached."""
    net, group = wishes.network(), wishes.group(*rules)
    ports = [wishes.port(net, groups=[group], **more) for _ in range(2)]
    apply(driver, wishes)
    for port in ports:
        lab.attach(port)
    return net, group, *ports
