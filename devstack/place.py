"""Where one cloud lives on this machine: its folder, its ports and its secrets."""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import secrets
import shutil
import socket
from collections.abc import Iterator

from devstack.progress import Unable

# The ports that clients of such a cloud expect.
REST = {
    'identity': 5000,
    'compute': 8774,
    'metadata': 8775,
    'volume': 8776,
    'placement': 8778,
    'image': 9292,
    'network': 9696,
}
SERVED = REST | {'console': 6080}
# What only the cloud itself speaks to; away from the usual numbers, which the host's own servers may have.
INNER = {'rabbitmq': 15672 + 1000, 'erlang': 25672 + 1000, 'epmd': 14369, 'database': 13306}
HIGHEST_OFFSET = 65535 - max((SERVED | INNER).values())
# Added to the ports of clouds that tests bring up beside the user's, or beside each other. With any of them every port
# stays below 32768, from where the kernel gives out ports to whoever connects somewhere.
TEST_OFFSETS = {
    'alone': 5100,
    'servers': 5200,
    'rabbitmq': 5300,
    'database': 5400,
    'beside': 5500,
    'beside-jws': 5600,
    'chaos': 5700,
    'processes': 5800,
    'stopping': 5900,
    'ports': 6000,
}
# A unix socket's path has room for 107 bytes, and libvirt's lie deep below the state folder.
LONGEST = 40
# These secrets nimbus makes itself when it runs in one process, in files of its own.
NIMBUS_OWN = {'admin': 'admin-password', 'nimbus': 'service-password', 'metadata': 'metadata-secret'}
CONTROL = '10.198.0.11'  # the first node of a lab, see nodes.py
FORMS = ('embedded', 'daemons', 'hosts')
DATABASES = ('sqlite', 'mariadb', 'postgresql')


@dataclasses.dataclass(frozen=True)
class Choices:
    """What the user chose at the first run; later runs find it again."""

    form: str = 'embedded'
    database: str = 'sqlite'
    port_offset: int = 0
    bind: str = '127.0.0.1'
    virt_type: str = 'qemu'
    fake: bool = False
    hosts: int = 0  # of the form `hosts`: nodes with guests, beside that of the control host


@dataclasses.dataclass(frozen=True)
class Place:
    """One cloud's folder on this machine, with everything that is decided about it."""

    state: pathlib.Path
    choices: Choices

    def port(self, what: str) -> int:
        """The TCP port of `what`, a key of SERVED or INNER."""
        return (SERVED | INNER)[what] + self.choices.port_offset

    @property
    def host(self) -> str:
        """The name under which this machine serves in the cloud."""
        return socket.gethostname()

    @property
    def address(self) -> str:
        """An address at which this machine itself reaches the REST endpoints."""
        return '127.0.0.1' if self.choices.bind in ('0.0.0.0', '::') else self.choices.bind

    def url(self, service: str) -> str:
        """The root URL of a REST service."""
        return f'http://{self.address}:{self.port(service)}'

    def folder(self, name: str, mode: int = 0o755, owner: str | None = None) -> pathlib.Path:
        """The folder `name` below the state folder, which exists now."""
        path = self.state / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if owner:
            shutil.chown(path, owner, owner)
        return path

    def secret(self, name: str) -> str:
        """The secret `name`, made at random the first time and kept where only root reads it."""
        path = self.secret_file(name)
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24) + '\n')
        return path.read_text().strip()

    def secret_file(self, name: str) -> pathlib.Path:
        """Where the secret `name` is kept."""
        return self.state / NIMBUS_OWN[name] if name in NIMBUS_OWN else self.folder('secrets', 0o700) / name


def write_private(path: pathlib.Path, text: str) -> None:
    """The file `path` holds `text`, whole or not at all, and nobody but its owner reads it."""
    aside = path.with_name(f'.{path.name}.{os.getpid()}')
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def remembered(state: pathlib.Path) -> Choices | None:
    """The choices of the first run in `state`, None before it."""
    try:
        return Choices(**json.loads((state / 'choices.json').read_text()))
    except FileNotFoundError:
        return None


def decide(state: pathlib.Path, **chosen: object) -> Choices:
    """What was chosen now for the cloud in `state`, or earlier where nothing was chosen now; nothing is written.

    Raises Unable when a choice would change what the data that is there was made with.
    """
    if len(str(state)) > LONGEST:
        raise Unable(f'the path {state} is too long for unix sockets below it; {LONGEST} characters are allowed.')
    before = remembered(state)
    if before is None and state.exists() and not made_here(state):
        raise Unable(f'{state} is not the folder of a cloud: it holds other things, so it is left alone.')
    now = {name: value for name, value in chosen.items() if value is not None}
    choices = dataclasses.replace(before or Choices(), **now)
    if choices.form == 'daemons' and choices.database == 'sqlite':
        choices = dataclasses.replace(choices, database='mariadb')
    if before and (before.form, before.database) != (choices.form, choices.database):
        raise Unable(
            f'{state} holds a cloud of the form {before.form} on {before.database}; '
            f'run devstack/down --purge first, or choose another folder with --state.'
        )
    return choices


def settle(state: pathlib.Path, **chosen: object) -> Place:
    """The place in `state` with what `decide` says, which later runs find again.  Raises Unable."""
    choices = decide(state, **chosen)
    state.mkdir(parents=True, exist_ok=True)
    # The database and the broker run as users of their own and must reach their folders below.
    state.chmod(0o711)
    write_private(state / 'choices.json', json.dumps(dataclasses.asdict(choices), indent=1) + '\n')
    return Place(state, choices)


def made_here(state: pathlib.Path) -> bool:
    """Whether devstack/up made the folder, or could have: it holds nothing else."""
    if not state.is_dir():
        return False
    return (state / 'choices.json').exists() or not any(path.name != '.lock' for path in state.iterdir())


def users(place: Place) -> dict[str, str]:
    """The names of the clouds in clouds.yaml and the users behind them."""
    suffix = f'-{place.choices.port_offset}' if place.choices.port_offset else ''
    return {f'nimbus{suffix}': 'admin', f'nimbus-demo{suffix}': 'demo'}


def auth(place: Place, user: str) -> dict[str, object]:
    """What a client needs to speak as `user` in the project of the same name."""
    return {
        'auth_url': f'{place.url("identity")}/v3',
        'username': user,
        'password': place.secret(user),
        'project_name': user,
        'user_domain_id': 'default',
        'project_domain_id': 'default',
    }


@contextlib.contextmanager
def alone(state: pathlib.Path) -> Iterator[None]:
    """Nobody else brings the cloud in `state` up or down meanwhile."""
    path = state / '.lock'
    while True:
        state.mkdir(parents=True, exist_ok=True)
        with path.open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Unable(f'another devstack command is at work in {state}; wait for it to end.') from None
            # A purge may have taken the file away in between.
            if path.exists() and path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                yield
                return
