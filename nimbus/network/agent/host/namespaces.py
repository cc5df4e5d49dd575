"""Make, enter and remove named network namespaces."""

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterator

from pyroute2 import IPRoute

from nimbus.network.agent.host.command import run

HOME = '/run/netns'
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def ensure(name: str) -> None:
    """The namespace exists and its loopback is up."""
    if not exists(name):
        with contextlib.suppress(FileNotFoundError):
            # A file without a namespace mounted on it is what a crash or a reboot leaves.
            os.unlink(os.path.join(HOME, name))
        run('ip', 'netns', 'add', name)
    with links(name) as route:
        route.link('set', index=1, state='up')


def exists(name: str) -> bool:
    """Whether the name leads to a living namespace."""
    try:
        with inside(name):
            return True
    except OSError:
        return False


def remove(name: str) -> None:
    """The namespace is gone and so is every process that was left in it."""
    if not os.path.exists(os.path.join(HOME, name)):
        return
    if exists(name):
        for pid in run('ip', 'netns', 'pids', name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        run('ip', 'netns', 'del', name)
    else:
        os.unlink(os.path.join(HOME, name))


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """The calling thread, and no other, is in the namespace."""
    home = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(os.path.join(HOME, name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there, name)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home, 'the host')
    finally:
        os.close(home)


@contextlib.contextmanager
def links(name: str | None = None) -> Iterator[IPRoute]:
    """A netlink socket in the namespace, or in the host's own."""
    with inside(name) if name else contextlib.nullcontext():
        route = IPRoute()
    try:
        yield route
    finally:
        route.close()


def write_sysctl(key: str, value: str) -> None:
    """The kernel setting of the calling thread's namespace is `value`."""
    path = '/proc/sys/' + key
    with open(path) as file:
        if file.read().strip() == value:
            return
    with open(path, 'w') as file:
        file.write(value)


def _enter(descriptor: int, name: str) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, f'The network namespace {name} cannot be entered: {os.strerror(code)}')
