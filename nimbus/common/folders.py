"""Make folders that other system users can enter, whatever the umask of the process."""

import os
import pathlib
import stat

WALK = 0o711  # others reach what they can name: QEMU runs as a user of its own
READ = 0o755  # others also see what is there: dnsmasq reads its files again as nobody


def make(path: str | os.PathLike[str], mode: int = WALK) -> None:
    """The folder is there and open as `mode` says; those above it that were missing are too."""
    folder = pathlib.Path(path)
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        one.chmod(mode)  # not by mkdir's mode: a daemon's umask takes from it
    now = stat.S_IMODE(folder.stat().st_mode)
    if now & mode != mode:
        folder.chmod(now | mode)
