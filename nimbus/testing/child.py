"""A fake cloud as a child of this process: started, waited for, and stopped with nothing left."""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

WITHIN = 120.0  # seconds in which a cloud becomes ready, on a machine that is busy
END_WITHIN = 10.0  # seconds in which it ends
LOOK = 0.02  # seconds between two looks whether it is ready
PR_SET_PDEATHSIG = 1


class NotReady(Exception):
    """The cloud did not start; the text has what it said."""


class ChildCloud:
    """A fake cloud in a folder of its own, at ports of its own."""

    def __init__(self, *words: str) -> None:
        """`words` are more options of `nimbus up`."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-cloud-'))
        self.state, self.ready_file = self.folder / 'state', self.folder / 'ready.json'
        self._log = self.folder / 'log'
        told = ('--fake', '--port', '0', '--state', str(self.state), '--ready-file', str(self.ready_file), '--controls')
        self._words = (sys.executable, '-m', 'nimbus.cli.main', 'up', *told, *words)
        self._process: subprocess.Popen[bytes] | None = None
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """The process has begun, apart from this one's terminal; it ends when this process does."""
        me = os.getpid()
        # What the cloud keeps for a while is in its folder too, so that it leaves nothing however it ends.
        with open(self._log, 'wb') as log:
            self._process = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env={**_environment(), 'TMPDIR': str(self.folder)},
                preexec_fn=lambda: _end_with(me),
            )

    def wait(self, pause: Callable[[float], None] = time.sleep) -> None:
        """The cloud is ready, and `facts` says what its ready file does.  Raises NotReady."""
        began = time.monotonic()
        while not self.is_ready():
            if time.monotonic() - began > WITHIN:
                raise NotReady(f'The cloud was not ready after {WITHIN:.0f} seconds. {self.said()}')
            pause(LOOK)

    def is_ready(self) -> bool:
        """Whether the cloud is ready.  Raises NotReady when it has ended instead."""
        with contextlib.suppress(FileNotFoundError):
            self.facts = json.loads(self.ready_file.read_text())
            return True
        if self.has_ended():
            raise NotReady(self.said() or 'The cloud ended without a word.')
        return False

    def has_ended(self) -> bool:
        """Whether the cloud's process is over."""
        return self._process is None or self._process.poll() is not None

    def said(self) -> str:
        """The last of what the cloud said."""
        return self._log.read_text(errors='replace')[-4000:].strip() if self._log.exists() else ''

    def stop(self) -> None:
        """The process and the folder are gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, entry: str = 'nimbus') -> dict[str, str]:
        """The variables by which OpenStack's clients find the cloud, as the user of an entry of clouds.yaml."""
        user = self.facts['users'][entry]
        names = ('auth_url', 'username', 'password', 'project_name', 'user_domain_id', 'project_domain_id')
        return {f'OS_{name.upper()}': user[name] for name in names} | {
            'OS_CLOUD': entry,
            'OS_CLIENT_CONFIG_FILE': self.facts['clouds_file'],
            'OS_IDENTITY_API_VERSION': '3',
            'OS_REGION_NAME': self.facts['region'],
            'NIMBUS_READY_FILE': str(self.ready_file),
        }


def without_cloud(environment: dict[str, str]) -> dict[str, str]:
    """The environment without what leads OpenStack's clients to a cloud."""
    return {name: value for name, value in environment.items() if not name.startswith('OS_')}


def _environment() -> dict[str, str]:
    """What the cloud's process sees: this one's modules, and no other cloud."""
    return {**without_cloud(dict(os.environ)), 'PYTHONPATH': os.pathsep.join(_modules())}


def _modules() -> Sequence[str]:
    """Where Python finds this very nimbus, and then what it was told."""
    mine = str(pathlib.Path(__file__).parents[2])
    return [mine, *filter(None, os.environ.get('PYTHONPATH', '').split(os.pathsep))]


def _end_with(parent: int) -> None:
    """This process ends when its parent does, with the signals that a process begins with."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
