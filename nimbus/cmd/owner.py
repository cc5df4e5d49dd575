"""The user whom a host's daemons run as, the owner of the state folder: files that root makes are given to them."""

import contextlib
import os
import pathlib
import pwd
import stat
from collections.abc import Iterator
from typing import Any


def of_state(conf: Any) -> pwd.struct_passwd | None:
    """The user whom state_path belongs to; None where there is no such folder or no such user."""
    with contextlib.suppress(OSError, KeyError):
        return pwd.getpwuid(pathlib.Path(conf.state_path).stat().st_uid)
    return None


@contextlib.contextmanager
def acting_as(user: pwd.struct_passwd | None) -> Iterator[None]:
    """Within the block root may do what the user may, and makes files that are the user's; others stay who they are.

    The whole process changes, so this is for programs of one thread.
    """
    if os.geteuid() != 0 or user is None or user.pw_uid == 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups(os.getgrouplist(user.pw_name, user.pw_gid))
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def may(user: pwd.struct_passwd | None, path: str | os.PathLike[str], mode: int) -> bool:
    """Whether the user may use the path so (os.R_OK, os.X_OK ...), every folder above it included."""
    with acting_as(user):
        return os.access(path, mode, effective_ids=True)


@contextlib.contextmanager
def keeping(conf: Any, folder: str | os.PathLike[str], *, make: bool = True) -> Iterator[None]:
    """The folder, and what root makes in it within the block or left there before, belongs to the state's owner.

    Root makes the folder first where `make` says so, since it may stand where its owner could not make it.
    """
    user, folder = of_state(conf), pathlib.Path(folder)
    if os.geteuid() == 0 and user is not None and user.pw_uid != 0:
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (folder, *folder.iterdir()) if folder.is_dir() else ():
            _give(path, user)
    with acting_as(user):
        yield


def give(conf: Any, path: pathlib.Path) -> None:
    """A file below state_path that root has made belongs to the state folder's owner."""
    user, state = of_state(conf), pathlib.Path(conf.state_path).resolve()
    if os.geteuid() == 0 and user is not None and path.resolve().is_relative_to(state):
        _give(path, user)


def _give(path: pathlib.Path, user: pwd.struct_passwd) -> None:
    """The path is the user's if it is root's now and has no other hard link."""
    found = path.lstat()
    alone = stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1)
    if found.st_uid == 0 and alone:
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
