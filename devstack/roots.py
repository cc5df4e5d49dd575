"""Makes the root folders of fresh Debian machines, with debootstrap, and keeps them between runs.

A root is kept by suite and month, so that each month's first run meets the packages of the day. It reaches the package
registries as this machine does: its apt sources, proxies, certificates and pip's settings are this machine's.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from devstack.packages import REFUSE_STARTS
from devstack.progress import Unable, say

CACHE = pathlib.Path(os.environ.get('NIMBUS_TEST_CACHE', '/var/cache/nimbus-test'))
# What a checkout needs before the README's first command, and nothing else.
BASE = ('python3', 'git', 'ca-certificates')
SUITES = {'bookworm': 'Debian 12', 'trixie': 'Debian 13'}
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
PROXIES = ('http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY')
# Of apt's settings those that say how a registry is reached and what of it is read.
REACH = ('Acquire::http', 'Acquire::https', 'Acquire::Check-', 'Acquire::Retries', 'Acquire::IndexTargets')
# Of pip's settings those that say the same, by the ends of their names, and among them those that can name folders.
PIP_REACH = ('-links', '-url', '-host', 'cert', 'constraint', 'default-timeout', 'proxy')
PIP_PLACES = ('-links', '-url')


def make(suite: str, extra: Sequence[str] = ()) -> pathlib.Path:
    """The folder of a root of `suite` in which BASE and `extra` are installed; it is not to be written to."""
    month = time.strftime('%Y-%m')
    digest = hashlib.sha256(' '.join(sorted({*extra})).encode()).hexdigest()[:8]
    name = f'{suite}-{month}' + (f'-{digest}' if extra else '')
    with _alone(name):
        root = CACHE / 'roots' / name
        if not root.exists():
            part = root.with_name(f'{name}.part')
            _remove(part)
            _bootstrap(part, suite) if not extra else _extend(part, make(suite), sorted({*extra}))
            part.rename(root)
            _drop_older(root, f'{suite}-', f'-{digest}' if extra else '')
    return root


def debs(suite: str) -> pathlib.Path:
    """A folder of downloaded packages of `suite`, to stand at /var/cache/apt/archives in a root."""
    folder = CACHE / 'debs' / suite
    (folder / 'partial').mkdir(parents=True, exist_ok=True)
    return folder


def pip_folders() -> list[pathlib.Path]:
    """The folders of this machine that pip reads packages from; a root needs them at the same paths."""
    words = [
        word.removeprefix('file://')
        for key, value in pip_settings().items()
        if key.endswith(PIP_PLACES)
        for word in value
    ]
    return sorted({_top(pathlib.Path(word)) for word in words if word.startswith('/')})


def _top(path: pathlib.Path) -> pathlib.Path:
    # An index names its files by paths that lead out of the folder with the pages.
    return path.parent if path.name == 'simple' else path


@functools.cache
def pip_settings() -> dict[str, list[str]]:
    """pip's settings for all commands on this machine, from its files and environment."""
    asked = subprocess.run([sys.executable, '-m', 'pip', 'config', 'list'], capture_output=True, text=True)
    found: dict[str, list[str]] = {}
    for line in asked.stdout.splitlines():
        key, _, value = line.partition('=')
        section, _, name = key.rpartition('.')
        if section in ('global', ':env:') and name.endswith(PIP_REACH):
            found.setdefault(name, [])
            found[name] += [word for word in value.strip('\'"').replace('\\n', ' ').split() if word not in found[name]]
    return found


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Nobody else makes this root meanwhile."""
    (CACHE / 'roots').mkdir(parents=True, exist_ok=True)
    with (CACHE / 'roots' / f'.{name}.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove(folder: pathlib.Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _drop_older(root: pathlib.Path, start: str, end: str) -> None:
    """Roots of earlier months, made for the same use, are gone."""
    for other in root.parent.iterdir():
        middle = other.name.removeprefix(start).removesuffix(end)
        if other.name == f'{start}{middle}{end}' and len(middle) == len('2000-01') and other != root:
            _remove(other)


def _bootstrap(root: pathlib.Path, suite: str) -> None:
    if shutil.which('debootstrap') is None:
        raise Unable('debootstrap is not installed (apt-get install debootstrap).')
    say(f'making a root of {SUITES.get(suite, suite)} (once a month, two minutes or so)')
    sources = _sources(suite)
    words = ['--variant=minbase', f'--include={",".join(BASE)}', f'--cache-dir={debs(suite)}']
    _must(['debootstrap', *words, suite, str(root), sources[0][0]], f'debootstrap could not make {suite}')
    (root / 'etc/apt/sources.list').write_text(
        ''.join(f'deb [signed-by={KEYRING}] {address} {release} main\n' for address, release in sources)
    )
    _settings(root)


def _sources(suite: str) -> list[tuple[str, str]]:
    """The address and the release of this machine's own Debian sources, for another suite; its archive first."""
    ours = _codename()
    asked = subprocess.run(
        ['apt-get', 'indextargets', '--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)', 'Created-By: Packages'],
        capture_output=True,
        text=True,
    )
    found = [line.split() for line in asked.stdout.splitlines()]
    pairs = [(row[0], row[1]) for row in found if len(row) == 3 and row[2] == 'main' and row[1].startswith(ours)]
    made = dict.fromkeys((address, suite + release.removeprefix(ours)) for address, release in pairs)
    made = sorted(made, key=lambda pair: pair[1] != suite)
    if not made or made[0][1] != suite:
        raise Unable(f'apt on this machine has no source of {ours} from which {suite} could be had.')
    return made


def _codename() -> str:
    lines = pathlib.Path('/etc/os-release').read_text().splitlines()
    return next((line.partition('=')[2].strip('"') for line in lines if line.startswith('VERSION_CODENAME=')), '')


def _settings(root: pathlib.Path) -> None:
    """The root reaches the registries as this machine does."""
    dump = subprocess.run(['apt-config', 'dump'], capture_output=True, text=True).stdout.splitlines()
    lines = [line for line in dump if line.startswith(REACH) and not line.endswith(' "";')]
    (root / 'etc/apt/apt.conf.d/80reach').write_text('\n'.join([*lines, '']))
    # A root that a power cut spoils is made again, so dpkg need not wait for the disk.
    (root / 'etc/dpkg/dpkg.cfg.d/unsafe-io').write_text('force-unsafe-io\n')
    own = root / 'usr/local/share/ca-certificates'
    own.mkdir(parents=True, exist_ok=True)
    for path in pathlib.Path('/usr/local/share/ca-certificates').glob('**/*.crt'):
        shutil.copy(path, own / path.name)
    inside(root, ['update-ca-certificates'])
    told = pip_settings()
    for path in map(pathlib.Path, told.get('cert', []) + told.get('constraint', [])):
        there = root / str(path).lstrip('/')
        if path.is_file() and not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, there)
    text = '\n'.join(f'{name} = {" ".join(value)}' for name, value in told.items())
    (root / 'etc/pip.conf').write_text(f'[global]\n{text}\n')


def _extend(root: pathlib.Path, base: pathlib.Path, extra: list[str]) -> None:
    """A copy of `base` with more packages, none of whose servers runs."""
    suite = base.name.rpartition('-')[0].rpartition('-')[0]
    say(f'installing {len(extra)} packages in a root of {SUITES.get(suite, suite)} (once a month)')
    _must(['cp', '-a', '--reflink=auto', str(base), str(root)], 'the root could not be copied')
    shutil.copy('/etc/resolv.conf', root / 'etc/resolv.conf')
    policy = root / 'usr/sbin/policy-rc.d'
    policy.write_text(REFUSE_STARTS)
    policy.chmod(0o755)
    archives = f'Dir::Cache::Archives={debs(suite)}'
    command = ['apt-get', '-q', '-o', 'Dpkg::Use-Pty=0', '-o', 'DPkg::Lock::Timeout=600']
    inside(root, [*command, 'update'])
    inside(root, [*command, '-o', archives, 'install', '-y', '--no-install-recommends', *extra], debs(suite))
    policy.unlink()


def inside(root: pathlib.Path, argv: list[str], *folders: pathlib.Path) -> None:
    """`argv` has run in the root as it would on a machine that has no init; `folders` of this machine stand there too.

    Its processes and mounts end with it. Raises Unable with its last words when it failed.
    """
    script = (
        'root=$1; shift; mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; '
        'while [ "$1" != -- ]; do mkdir -p "$root$1"; mount --bind "$1" "$root$1"; shift; done; shift; '
        'exec chroot "$root" "$@"'
    )
    words = ['unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-ec', script, 'bash', str(root)]
    _must([*words, *map(str, folders), '--', *argv], f'{argv[0]} failed in {root}', environment())


def environment() -> dict[str, str]:
    """The environment of a command in a root."""
    path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    proxies = {name: os.environ[name] for name in PROXIES if name in os.environ}
    return {'HOME': '/root', 'PATH': path, 'LANG': 'C.UTF-8', 'DEBIAN_FRONTEND': 'noninteractive', **proxies}


def _must(argv: list[str], sentence: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )
    if done.returncode:
        raise Unable(f'{sentence}; its last words:\n{done.stdout[-3000:]}')
