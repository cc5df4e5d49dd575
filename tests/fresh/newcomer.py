"""Somebody who has a fresh machine, the committed tree and the README."""

import os
import pathlib
import re
import subprocess
import time

from devstack.boxes import Box

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the README tells to type stands in indented blocks; `name` is the heading above.
BLOCK = re.compile(r'^    (.+)$', re.MULTILINE)
CLOUDS = '/root/.config/openstack/clouds.yaml'


def told(heading: str) -> list[str]:
    """The commands below a heading of the README, word for word."""
    text = (ROOT / 'README.md').read_text()
    return BLOCK.findall(text.partition(f'\n## {heading}\n')[2].partition('\n## ')[0])


def committed(folder: pathlib.Path) -> pathlib.Path:
    """An archive of the tree as it is committed: what is only on this machine is not in it."""
    archive = folder / 'tree.tar'
    with archive.open('wb') as file:
        subprocess.run(['git', 'archive', '--format=tar', 'HEAD'], cwd=ROOT, stdout=file, check=True)
    return archive


class Newcomer:
    """One machine and what is typed at it."""

    def __init__(self, box: Box, user: str = 'root') -> None:
        self.box, self.user = box, user
        self.home = '/root' if user == 'root' else f'/home/{user}'

    def tries(self, line: str, **more: object) -> subprocess.CompletedProcess:
        """A line of the shell has run in the checkout."""
        began = time.monotonic()
        done = self.box.run('bash', '-c', f'cd ~/nimbus || exit\n{line}', user=self.user, **more)
        if reports := os.environ.get('NIMBUS_REPORTS'):
            with (pathlib.Path(reports) / 'fresh.log').open('a') as log:
                log.write(f'$ {line}\n{done.stdout}({done.returncode} after {time.monotonic() - began:.1f} s)\n\n')
        return done

    def types(self, line: str, **more: object) -> str:
        """What a line that must work printed."""
        done = self.tries(line, **more)
        assert done.returncode == 0, f'{line} ended with {done.returncode}:\n{done.stdout[-6000:]}'
        return done.stdout

    def fails(self, line: str, code: int = 1, **more: object) -> str:
        """The last line of what a line that cannot work printed."""
        done = self.tries(line, **more)
        assert done.returncode == code, f'{line} ended with {done.returncode}:\n{done.stdout[-6000:]}'
        assert 'Traceback' not in done.stdout, done.stdout[-6000:]
        return done.stdout.strip().splitlines()[-1]

    def asks(self, *argv: str) -> str:
        """What a program of the machine answers."""
        done = self.box.run(*argv)
        assert done.returncode == 0, f'{argv} ended with {done.returncode}:\n{done.stdout[-3000:]}'
        return done.stdout

    def packages(self) -> set[str]:
        """The names of what is installed."""
        return set(self.asks('dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n').split('\n'))

    def has(self, path: str) -> bool:
        """Whether something stands at the path."""
        return self.box.run('test', '-e', path).returncode == 0

    def listeners(self) -> list[str]:
        """Where something listens for TCP that is not on loopback: address and process."""
        rows = [line.split() for line in self.asks('ss', '-Hltnp').splitlines()]
        return [f'{row[3]} {row[-1]}' for row in rows if not row[3].startswith(('127.', '[::1]'))]

    def processes(self) -> list[str]:
        """The command lines of all that runs beside the first process."""
        rows = self.asks('ps', '-eo', 'pid,stat,args', '--no-headers').splitlines()
        words = [row.split(None, 2) for row in rows]
        own = ('sleep 3600', 'ps -eo pid,stat,args --no-headers')  # of the first process, and of this question
        return [row[2] for row in words if row[0] != '1' and row[1][0] != 'Z' and row[2] not in own]


def closing(printed: str) -> dict[str, str]:
    """The lines that devstack/up ends with, by what they are for."""
    joined = re.sub(r' \\\n *', ' ', printed)
    return dict(re.findall(r'^([A-Z][A-Za-z ]+): +(\S.*)$', joined, re.MULTILINE))
