"""Disks handed from host to host by QEMU's own network block device: offered read-only, and fetched by qemu-img.

Each disk is offered under a name that nobody can guess, which the control plane tells the receiving host.  With TLS
each side also shows a certificate of the hosts' own authority, as QEMU's other channels do.
"""

import dataclasses
import errno
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterable

from nimbus.compute.agent.disks import qemu_img
from nimbus.compute.agent.driver import Refused

FIRST, LAST = 49216, 49279  # ports that disks are offered at: those after the ones that libvirt moves guests by
NAME = re.compile(r'disk(\.[a-z0-9]{1,16})?')
FORMATS = ('raw', 'qcow2')
PREFIX = 'offer.'  # of the file that holds the number of the process that offers a disk
STOP = 10.0  # seconds for such a process to end


@dataclasses.dataclass(frozen=True)
class Channel:
    """How the hosts reach each other for disks."""

    address: str  # of this host
    tls: bool = False
    certificates: str = '/etc/pki/qemu'

    def credentials(self, endpoint: str) -> list[str]:
        """The arguments that name the certificates of one side of a connection."""
        if not self.tls:
            return []
        return ['--object', f'tls-creds-x509,id=tls0,endpoint={endpoint},dir={self.certificates},verify-peer=yes']


@dataclasses.dataclass(frozen=True)
class Offered:
    """A disk that another host offers."""

    name: str  # of its file in the guest's folder
    format: str
    address: str
    port: int
    export: str
    tls: bool = False


def offer(channel: Channel, path: str, disk_format: str) -> Offered:
    """The file can be fetched, once, from this host.  Raises Refused."""
    withhold([path])
    note = _note(path)
    export = secrets.token_hex(16)
    for port in _free(channel.address):
        argv = [qemu_img.program('qemu-nbd'), '--fork', f'--pid-file={note}', '--read-only', '--shared=4']
        argv += ['--persistent', f'--format={disk_format}', f'--bind={channel.address}', f'--port={port}']
        argv += [f'--export-name={export}', *channel.credentials('server')]
        argv += ['--tls-creds=tls0'] if channel.tls else []
        done = subprocess.run([*argv, path], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if not done.returncode:
            name = os.path.basename(path)
            return Offered(name, disk_format, channel.address, port, export, channel.tls)
        if 'Address already in use' not in done.stderr:
            text = 'The disks of the guest cannot be offered to another host'
            raise Refused(f'{text}.', inside=f'{text}: {" ".join(done.stderr.split())}.')
    raise Refused(
        'The host of the server has no way left to send disks by.',
        inside=f'Every port from {FIRST} to {LAST} of {channel.address} is taken.',
    )


def _free(address: str) -> Iterable[int]:
    """The ports at which nobody listens at this moment."""
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    for port in range(FIRST, LAST + 1):
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
            except OSError as why:
                if why.errno != errno.EADDRINUSE:
                    raise Refused(
                        'The host of the server has no address that other hosts reach it by.',
                        inside=f'{address} is no address of this host ([libvirt] host_ip): {why.strerror}.',
                    ) from why
                continue
        yield port


def withhold(paths: Iterable[str]) -> None:
    """Nobody can fetch the files from here."""
    for path in paths:
        note = _note(path)
        try:
            pid = int(note.read_text())
        except (FileNotFoundError, ValueError):
            continue
        if _is_offering(pid, path):
            _end(pid, path)
        note.unlink(missing_ok=True)


def _note(path: str) -> pathlib.Path:
    folder, name = os.path.split(path)
    return pathlib.Path(folder, PREFIX + name)


def _is_offering(pid: int, path: str) -> bool:
    """Whether the process is the one that offers the file: numbers are given again to others."""
    try:
        words = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')
    except OSError:
        return False
    return words[0].endswith(b'qemu-nbd') and path.encode() in words


def _end(pid: int, path: str) -> None:
    end = time.monotonic() + STOP
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        while _is_offering(pid, path) and time.monotonic() < end:
            time.sleep(0.02)
        if not _is_offering(pid, path):
            return
        end += STOP


def fetch(channel: Channel, offered: Offered, path: str, size: int) -> None:
    """The file is a disk of the offered one's format and content, of that size if it is larger.

    Raises Refused on what this host would not take, and qemu_img.Failed.
    """
    if not NAME.fullmatch(offered.name) or offered.format not in FORMATS:
        raise Refused(f'Another host offers a disk {offered.name[:40]!r} of format {offered.format[:40]!r}.')
    if channel.tls != offered.tls:
        raise Refused(
            'The hosts do not agree on how to send disks.',
            inside='One of the two hosts has [libvirt] live_migration_with_native_tls and the other has not.',
        )
    source = ['driver=nbd', 'server.type=inet', f'server.host={offered.address}', f'server.port={offered.port}']
    source += [f'export={offered.export}', *(['tls-creds=tls0'] if channel.tls else [])]
    qemu_img.copy(','.join(source), path, offered.format, channel.credentials('client'))
    if size > qemu_img.info(path, offered.format)['virtual-size']:
        qemu_img.resize(path, offered.format, size)
