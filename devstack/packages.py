"""Installs the system packages that are missing, all in one go.

Runs before the virtual environment has any library, so it uses the standard library alone.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from devstack.progress import Unable, finish, say

LIST = pathlib.Path(__file__).with_name('packages.txt')
GUEST = LIST.parent / 'guest' / 'packages'
# A package would start its server at once, for the whole machine and with settings of its own;
# devstack starts what it needs itself, or asks systemd to.
REFUSE_STARTS = '#!/bin/sh\nexit 101\n'


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
    """Every package of `groups` is installed."""
    if shutil.which('dpkg-query') is None:
        raise Unable('dpkg-query is not here: devstack installs packages on Debian and its kin only.')
    packages = missing(wanted(groups))
    if not packages:
        return
    if os.geteuid() != 0:
        raise Unable(f'these packages are missing and only root can install them: {" ".join(packages)}.')
    say(f'installing {len(packages)} packages: {" ".join(packages)}')
    command = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=600', '-o', 'Dpkg::Use-Pty=0']
    if not pathlib.Path('/run/systemd/system').is_dir():
        _repair_half_done_packages()
    if _run([*command, 'update']) or _install(command, packages):
        raise Unable(f'apt-get could not install {" ".join(packages)}; its own words are above.')


def _repair_half_done_packages() -> None:
    """A run of apt that was killed half-way leaves packages unpacked; they are configured first."""
    audit = subprocess.run(['dpkg', '--audit'], capture_output=True, text=True)
    if audit.stdout.strip():
        say('finishing an interrupted installation of packages')
        _run(['dpkg', '--configure', '-a'])


def _install(command: list[str], packages: list[str]) -> int:
    policy = pathlib.Path('/usr/sbin/policy-rc.d')
    ours = not policy.exists()
    if ours:
        policy.write_text(REFUSE_STARTS)
        policy.chmod(0o755)
    try:
        return _run([*command, 'install', '-y', '--no-install-recommends', *packages])
    finally:
        if ours:
            policy.unlink()


def _run(command: list[str]) -> int:
    """The exit code of `command`, whose output is shown only when it fails."""
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    with tempfile.TemporaryFile('w+') as output:
        code = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ).returncode
        if code:
            output.seek(0)
            sys.stderr.write(output.read()[-8000:])
    return code


if __name__ == '__main__':
    finish(lambda: install(sys.argv[1:]))
