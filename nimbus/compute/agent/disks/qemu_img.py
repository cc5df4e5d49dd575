"""qemu-img, run with explicit formats under resource limits."""

import errno
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from nimbus.compute.agent.driver import Refused

# A hostile image can make qemu-img spin or balloon: reading a header needs far less than this.
INFO_LIMITS = ('--as=1073741824', '--cpu=30')
# Writing disks takes time in proportion to their size, never much memory.
WORK_LIMITS = ('--as=4294967296', '--cpu=3600')
# qemu-img's names differ from the image service's for two formats.
QEMU_FORMATS = {'vhd': 'vpc', 'iso': 'raw', 'ami': 'raw', 'ari': 'raw', 'aki': 'raw'}


class Failed(Exception):
    """qemu-img refused or broke off, and says why."""


def qemu_format(disk_format: str) -> str:
    """QEMU's name for an image service's disk format."""
    return QEMU_FORMATS.get(disk_format, disk_format)


def info(path: str, disk_format: str) -> dict[str, Any]:
    """What qemu-img says of `path` read as `disk_format`, never probed, no other file opened."""
    out = _run(INFO_LIMITS, 'info', '-U', '-f', qemu_format(disk_format), '--output=json', path)
    return json.loads(out)


def create(
    path: str,
    disk_format: str,
    size: int | None = None,
    backing: str | None = None,
    backing_format: str | None = None,
) -> None:
    """`path` is a new disk of `size` bytes, an overlay of `backing` when that is given."""
    argv = ['create', '-q', '-f', disk_format]
    if backing:
        argv += ['-b', backing, '-F', qemu_format(backing_format or 'raw')]
    _run(WORK_LIMITS, *argv, path, *([str(size)] if size else []))


def resize(path: str, disk_format: str, size: int) -> None:
    """The disk has `size` bytes; what it holds stays."""
    _run(WORK_LIMITS, 'resize', '-q', '-f', qemu_format(disk_format), path, str(size))


def convert(source: str, source_format: str, target: str, target_format: str) -> None:
    """`target` holds what `source` holds, in another format."""
    _run(WORK_LIMITS, 'convert', '-q', '-f', qemu_format(source_format), '-O', target_format, source, target)


def copy(source: str, target: str, target_format: str, objects: Sequence[str] = ()) -> None:
    """`target` holds what the source holds, which is named by its options."""
    _run(WORK_LIMITS, 'convert', '-q', *objects, '--image-opts', '-W', '-O', target_format, source, target)


def _run(limits: tuple[str, ...], *argv: str) -> str:
    command = [program('prlimit'), *limits, '--', program('qemu-img'), *argv]
    # The C locale keeps the sentences that are matched below as they are.
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors='replace',
        env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C'},
    )
    if done.returncode:
        text = ' '.join(done.stderr.split()) or f'it ended with status {done.returncode}'
        if re.search(r'No space left on device|Disk quota exceeded', text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), argv[-1])
        raise Failed(re.sub(r'^qemu-img: ', '', text))
    return done.stdout


def program(name: str) -> str:
    """The path of a program that disks are made with.  Raises Refused."""
    path = shutil.which(name, path='/usr/bin:/bin:/usr/local/bin')
    if path is None:
        raise Refused(f'This host has no {name}; install the packages qemu-utils and util-linux.')
    return path
