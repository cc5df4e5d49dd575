"""Installs the missing system packages by one run of apt.

Runs before the virtual environment has any library, so it uses the standard library alone.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from devstack.progress import Unable, finish, say

LIST = pathlib.Path(__file__).with_name('packages.txt')
GUEST = LIST.parent / 'guest' / 'packages'
POLICY = pathlib.Path('/usr/sbin/policy-rc.d')
JOURNAL = pathlib.Path('/var/lib/dpkg/updates')
LOCK = pathlib.Path('/run/lock/nimbus-packages')
UNITS = pathlib.Path('/etc/systemd/system')
# A package would start its server at once, for the whole machine and with settings of its own;
# devstack starts what it needs itself, or asks systemd to.
REFUSE_STARTS = '#!/bin/sh\nexit 101\n'
# Servers that devstack runs itself, for one cloud and on loopback. The packages' own ones, of the same programs, would
# run from the next boot of the machine, and for anybody.
SERVERS = {
    'haproxy': ('haproxy.service',),
    'radvd': ('radvd.service',),
    'rabbitmq-server': ('rabbitmq-server.service', 'epmd.service', 'epmd.socket'),
    'mariadb-server': ('mariadb.service',),
    'postgresql': ('postgresql.service',),
    'slapd': ('slapd.service',),
    'memcached': ('memcached.service',),
}
APT = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=600', '-o', 'Dpkg::Use-Pty=0']


def wanted(groups: list[str]) -> list[str]:
    """The packages of `groups`, in the order of the list."""
    found: dict[str, list[str]] = {'guest': GUEST.read_text().split() if GUEST.exists() else []}
    group = ''
    for line in LIST.read_text().splitlines():
        line = line.partition('#')[0].strip()
        if line.startswith('['):
            group = line.strip('[]')
        elif line:
            found.setdefault(group, []).append(line)
    unknown = [name for name in groups if name not in found]
    if unknown:
        raise Unable(f'packages.txt has no group {", ".join(unknown)}; it has {", ".join(found)}.')
    return list(dict.fromkeys(package for name in groups for package in found[name]))


def missing(packages: list[str]) -> list[str]:
    """Those of `packages` that are not installed."""
    asked = subprocess.run(
        ['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', *packages],
        capture_output=True,
        text=True,
    )
    installed = {line.split()[0] for line in asked.stdout.splitlines() if line.endswith(' installed')}
    return [package for package in packages if package not in installed]


def install(groups: list[str]) -> None:
    """Every package of `groups` is installed, and none of their servers runs or will by itself."""
    if shutil.which('dpkg-query') is None:
        raise Unable('dpkg-query is not here: devstack installs packages on Debian and its derivatives only.')
    if os.geteuid() == 0:
        allow_starts()
    packages = missing(wanted(groups))
    if not packages:
        return
    if os.geteuid() != 0:
        raise Unable(f'these packages are missing and only root can install them: {" ".join(packages)}.')
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    say(f'installing {_counted(packages)}: {" ".join(packages)}')
    with _alone():
        broken = _repair_half_done_packages()
        if _run([*APT, 'update']) or (broken and _complete_packages()) or _install(packages):
            raise Unable(f'apt-get could not install {" ".join(packages)}; its own words are above.')


def allow_starts() -> None:
    """No installation of ours that was killed keeps this machine's packages from starting their servers."""
    with contextlib.suppress(BlockingIOError), _alone(fcntl.LOCK_EX | fcntl.LOCK_NB):
        _take_away_refusal()


def _counted(packages: list[str]) -> str:
    return f'{len(packages)} package{"s" if len(packages) > 1 else ""}'


def _leave(*_: object) -> None:
    raise Unable('interrupted while packages were being installed; run the same command again to go on.')


@contextlib.contextmanager
def _alone(how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """No other command of devstack installs packages on this machine meanwhile."""
    with LOCK.open('w') as lock:
        fcntl.flock(lock, how)
        yield


def _repair_half_done_packages() -> bool:
    """What a run of apt that was killed half-way left unpacked is configured; returns whether there was any.

    A package that was killed while it was unpacked is taken away: dpkg does not configure one that it wants installed
    again, whatever state it is in, and apt takes it for one that is there.
    """
    audit = subprocess.run(['dpkg', '--audit'], capture_output=True, text=True)
    if not audit.stdout.strip() and not (JOURNAL.is_dir() and any(JOURNAL.iterdir())):
        return False
    say('finishing an interrupted installation of packages')
    with _refused_starts():
        _run(['dpkg', '--configure', '-a', '--force-confold'], shown=False)
        query = ['dpkg-query', '-W', '-f', '${binary:Package} ${db:Status-Eflag} ${db:Status-Status}\n']
        states = [line.split() for line in subprocess.run(query, capture_output=True, text=True).stdout.splitlines()]
        if half := [name for name, flag, state in states if flag == 'reinstreq' or state == 'half-installed']:
            _run(['dpkg', '--remove', '--force-remove-reinstreq', '--force-depends', *half])
    return True


def _complete_packages() -> int:
    """What the packages that are unpacked depend on is installed, and they are configured."""
    with _refused_starts():
        return _run([*APT, '-y', '--no-install-recommends', '--fix-broken', 'install'])


def _install(packages: list[str]) -> int:
    words = ['install', '--no-install-recommends', *packages]
    _say_size([*APT, '--assume-no', *words])
    with _refused_starts(), _kept_from_booting(packages):
        return _run([*APT, '-y', *words])


def _say_size(words: list[str]) -> None:
    """The download's size and disk use, by apt's estimate, are printed, as the installation itself prints nothing."""
    said = subprocess.run(words, capture_output=True, text=True, env=_environment()).stdout
    patterns = {'{} to download': r'Need to get ([\d.,]+ \w+)', '{} on disk': r'operation, ([\d.,]+ \w+) of additional'}
    told = [text.format(found[1]) for text, pattern in patterns.items() if (found := re.search(pattern, said))]
    say(f'{", ".join(told) or "nothing to download"}; this takes one to three minutes')


@contextlib.contextmanager
def _refused_starts() -> Iterator[None]:
    """No package starts its server meanwhile, unless somebody else's policy says what does."""
    if not POLICY.exists():
        POLICY.write_text(REFUSE_STARTS)
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        _take_away_refusal()


def _take_away_refusal() -> None:
    if POLICY.is_file() and POLICY.read_text() == REFUSE_STARTS:
        POLICY.unlink()


@contextlib.contextmanager
def _kept_from_booting(packages: list[str]) -> Iterator[None]:
    """The servers that come with `packages` do not start with the machine.

    They are masked before they are there, so that a run that is killed leaves them masked, and disabled afterwards.
    """
    units = [unit for package in packages for unit in SERVERS.get(package, ())]
    if shutil.which('systemctl') is None or not units:
        yield
        return
    for unit in units:
        with contextlib.suppress(FileExistsError):
            (UNITS / unit).symlink_to('/dev/null')
    yield
    for unit in units:
        if (UNITS / unit).is_symlink() and os.readlink(UNITS / unit) == '/dev/null':
            (UNITS / unit).unlink()
    if pathlib.Path('/run/systemd/system').is_dir():
        _run(['systemctl', 'daemon-reload'])
    _run(['systemctl', 'disable', *units], shown=False)
    services = ', '.join(package for package in packages if package in SERVERS)
    say(f"the host's own servers of {services} stay off, also after a boot; systemctl enable --now NAME starts one")


def _environment() -> dict[str, str]:
    return {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive', 'LC_ALL': 'C.UTF-8'}


def _run(command: list[str], shown: bool = True) -> int:
    """The exit code of `command`, whose output is shown only when it fails; an interrupt ends it and its children."""
    with tempfile.TemporaryFile('w+') as output:
        running = subprocess.Popen(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = running.wait()
        except Unable:
            os.killpg(running.pid, signal.SIGTERM)
            running.wait()
            raise
        if code and shown:
            output.seek(0)
            sys.stderr.write(output.read()[-8000:])
    return code


if __name__ == '__main__':
    finish(lambda: install(sys.argv[1:]))
