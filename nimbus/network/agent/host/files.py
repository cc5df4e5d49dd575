"""Write small files so that a reader sees the old one or the new one, never a half."""

import os
import shutil

from nimbus.common import folders


def write(path: str, text: str) -> bool:
    """The file holds the text; says whether it did not before."""
    if read(path) == text:
        return False
    folders.make(os.path.dirname(path), folders.READ)
    new = path + '.new'
    with open(new, 'w') as file:
        file.write(text)
    os.chmod(new, 0o644)
    os.replace(new, path)
    return True


def read(path: str) -> str | None:
    """The file's text, or None where there is no such file."""
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def remove_folder(path: str) -> None:
    """The folder and all in it are gone."""
    shutil.rmtree(path, ignore_errors=True)


def names(path: str) -> list[str]:
    """What stands in the folder; nothing where there is no such folder."""
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
