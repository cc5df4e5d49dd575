"""Run qemu-img safely: formats are always named, memory and time bounded, and no other file is opened."""

import json
import subprocess
from typing import Any

from nimbus.common import errors

MEMORY, PROCESSOR, WAIT = 2 << 30, 1800, 3600  # bytes, seconds of work, seconds on the clock
QEMU_NAMES = {'vhd': 'vpc', 'iso': 'raw', 'gpt': 'raw', 'ami': 'raw', 'aki': 'raw', 'ari': 'raw'}
KNOWN = ('raw', 'qcow2', 'vmdk', 'vdi', 'vpc', 'vhdx')


def info(path: str, format: str) -> dict[str, Any]:
    """What the image says of itself when read as `format`, also while a guest writes it.

    Raises Invalid when it is no such image, or reaches beyond its own file.
    """
    given: dict[str, Any] = json.loads(_run('info', '-U', '--output=json', '-f', qemu_name(format), path))
    data = given.get('format-specific', {}).get('data', {})
    extents = [extent.get('filename') for extent in data.get('extents', ())]
    if given.get('backing-filename') or data.get('data-file') or any(name != path for name in extents):
        raise errors.Invalid('The image depends on another file and cannot become a volume.')
    if given.get('encrypted'):
        raise errors.Invalid('The image is encrypted and cannot become a volume.')
    return given


def create(path: str, format: str, size: int) -> None:
    """An empty image of `size` bytes is there."""
    _run('create', '-q', '-f', format, path, str(size))


def convert(source: str, source_format: str, target: str, target_format: str) -> None:
    """The target holds what the source does.  Raises Invalid, Unavailable."""
    _run('convert', '-f', qemu_name(source_format), '-O', target_format, source, target)


def resize(path: str, format: str, size: int) -> None:
    """The image has `size` bytes."""
    _run('resize', '-q', '-f', format, path, str(size))


def qemu_name(format: str) -> str:
    """QEMU's name of an image service's format.  Raises Invalid."""
    name = QEMU_NAMES.get(format, format)
    if name not in KNOWN:
        raise errors.Invalid(f'An image of format {format} cannot become a volume; allowed are {", ".join(KNOWN)}.')
    return name


def _run(*arguments: str) -> str:
    command = ['prlimit', f'--as={MEMORY}', f'--cpu={PROCESSOR}', '--', 'qemu-img', *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=WAIT, check=False, text=True, errors='replace')
    except subprocess.TimeoutExpired:
        raise errors.Unavailable(f'qemu-img {arguments[0]} was not done within {WAIT} seconds.') from None
    except FileNotFoundError as why:
        raise errors.Unavailable('qemu-img or prlimit is not installed on this host.') from why
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ['no reason given']
        if 'No space left' in done.stderr:
            raise errors.Unavailable('The volume store is full.')
        raise errors.Invalid(f'qemu-img {arguments[0]} failed: {lines[-1][-300:]}')
    return done.stdout
