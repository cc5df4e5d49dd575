"""Whose a guest's folder is: of the host that made it, or of one that took it over on storage which both share.

A folder that is another host's is never removed, and disks of a guest that went elsewhere are set aside for a time.
"""

import dataclasses
import json
import os
import shutil
import time

NOTE = 'host'
ASIDE = 'evacuated'  # below the folder of all guests: what was left behind by those that went elsewhere


@dataclasses.dataclass(frozen=True)
class Owner:
    """The host that a folder is of, and the one that it was taken over from, if it was."""

    host: str
    source: str | None = None


def read(folder: str) -> Owner | None:
    """Whose the folder is; None where nothing says it."""
    try:
        with open(os.path.join(folder, NOTE)) as note:
            return Owner(**json.load(note))
    except FileNotFoundError:
        return None


def write(folder: str, owner: Owner) -> None:
    """The folder is the owner's."""
    part = os.path.join(folder, f'{NOTE}.part')
    with open(part, 'w', opener=lambda path, flags: os.open(path, flags, 0o600)) as note:
        json.dump(dataclasses.asdict(owner), note)
        note.flush()
        os.fsync(note.fileno())
    os.replace(part, os.path.join(folder, NOTE))


def set_aside(folder: str) -> str:
    """The folder is no guest's any more; returns where it is kept."""
    top, guest_id = os.path.split(folder)
    number = 0
    while os.path.exists(place := os.path.join(_aside(top, number), guest_id)):
        number += 1
    os.makedirs(os.path.dirname(place), 0o711, exist_ok=True)
    os.utime(folder)  # its age counts from now
    os.rename(folder, place)
    return place


def _aside(top: str, number: int) -> str:
    return os.path.join(top, f'{ASIDE}.{number}' if number else ASIDE)


def asides(top: str) -> list[str]:
    """The folders that have folders of guests which were set aside."""
    names = os.listdir(top) if os.path.isdir(top) else []
    return [os.path.join(top, name) for name in sorted(names) if name == ASIDE or name.startswith(f'{ASIDE}.')]


def forget(top: str, max_age: float) -> list[str]:
    """The folders that were set aside longer than `max_age` seconds ago are gone; returns their paths."""
    now = time.time()
    kept = [os.path.join(aside, name) for aside in asides(top) for name in sorted(os.listdir(aside))]
    old = [path for path in kept if now - os.stat(path).st_mtime >= max_age]
    for path in old:
        shutil.rmtree(path)
    return old
