"""Config drives: instance data as a small ISO 9660 disk labelled config-2."""

import base64
import binascii
import io
import re
from collections.abc import Iterator, Mapping

import pycdlib

LABEL = 'config-2'
_DIRECTORY, _FILE = 'directory', 'file'


def decode(files: Mapping[str, str]) -> dict[str, bytes]:
    """The drive's files with their base64 content opened.  Raises ValueError naming a bad one."""
    decoded = {}
    for path, text in files.items():
        try:
            decoded[path] = base64.b64decode(text, validate=True)
        except binascii.Error as why:
            raise ValueError(f'The content of {path} on the config drive is not base64.') from why
    return decoded


def make(files: Mapping[str, bytes], target: str) -> None:
    """`target` is an image with exactly `files`, readable by Joliet and Rock Ridge."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=4, joliet=3, rock_ridge='1.09', vol_ident=LABEL)
    try:
        short: dict[str, str] = {'': ''}
        for number, (kind, path) in enumerate(_entries(files)):
            parent, _, name = path.rpartition('/')
            short[path] = f'{short[parent]}/{_short_name(name, number)}'
            if kind is _DIRECTORY:
                iso.add_directory(short[path], rr_name=name, joliet_path='/' + path, file_mode=0o040555)
            else:
                iso.add_fp(
                    io.BytesIO(files[path]),
                    len(files[path]),
                    short[path],
                    rr_name=name,
                    joliet_path='/' + path,
                    file_mode=0o100444,
                )
        iso.write(target)
    finally:
        iso.close()


def _entries(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Directories before what is in them, all in one fixed order, so that equal data make an equal tree."""
    seen: set[str] = set()
    for path in sorted(files):
        parts = path.split('/')
        if any(part in ('', '.', '..') for part in parts):
            raise ValueError(f'{path!r} is no path for a file on a config drive.')
        for depth in range(1, len(parts)):
            directory = '/'.join(parts[:depth])
            if directory in files:
                raise ValueError(f'{directory!r} is both a file and a directory on the config drive.')
            if directory not in seen:
                seen.add(directory)
                yield _DIRECTORY, directory
        yield _FILE, path


def _short_name(name: str, number: int) -> str:
    """A plain ISO name, unique by its number: readers of Joliet or Rock Ridge never show it."""
    return f'{re.sub("[^A-Z0-9]", "_", name.upper())[:16]}_{number}'
