"""Runs the tests, in order, and says what ran, passed, failed and could not run."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

from devstack import arguments, mariadb, place, postgresql, processes
from devstack.arguments import CLOUDS, FRESH, KNOWN, PARTS, SERVER, SERVERS
from devstack.progress import finish, say

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORTS = ROOT / '.reports'
# Short, for unix sockets lie below it; apart from /var/lib/nimbus, where the user's own cloud may be.
STATE = pathlib.Path('/var/tmp/nimbus-test')
FOLDERS = {'wire': 'tests/wire', 'cloud': 'tests/whole', 'house': 'tests/house'}


@dataclasses.dataclass
class Tally:
    """What became of one part of the tests."""

    part: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    why: list[str] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        counts = f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'
        return '\n'.join([f'{self.part:<18} {counts}, {self.seconds:.0f} s', *(f'    {why}' for why in self.why)])


class Done:
    """All that has run so far."""

    def __init__(self) -> None:
        self._tallies: list[Tally] = []

    def add(self, tally: Tally) -> Tally:
        """One more part has run, and is told at once."""
        self._tallies.append(tally)
        print(tally, flush=True)
        return tally

    def close(self) -> int:
        """Everything has been told once more, with the sums; 1 when anything failed."""
        print('\n' + '\n'.join(str(tally) for tally in self._tallies))
        passed, failed, skipped = (
            sum(getattr(tally, word) for tally in self._tallies) for word in ('passed', 'failed', 'skipped')
        )
        seconds = sum(tally.seconds for tally in self._tallies)
        print(f'\n{passed} passed, {failed} failed, {skipped} skipped in {seconds:.0f} s')
        return 1 if failed else 0


def tox(part: str, label: str = '', *more: str) -> Tally:
    """The tox environment `part` has run."""
    tally = Tally(label or part)
    report = REPORTS / f'{part}.xml'
    report.unlink(missing_ok=True)
    say(f'testing {tally.part}')
    began = time.monotonic()
    words = [sys.executable, '-m', 'tox', 'run', '-qq', '-e', part, *(['--', *more] if more else [])]
    code = subprocess.run(words, cwd=ROOT, env={**os.environ, 'NIMBUS_REPORTS': str(REPORTS)}).returncode
    tally.seconds = time.monotonic() - began
    _count(tally, report, code)
    return tally


def _count(tally: Tally, report: pathlib.Path, code: int) -> None:
    if not report.exists():
        tally.passed, tally.failed = (0, 1) if code else (1, 0)
        return
    cases = list(xml.parse(report).iter('testcase'))
    for case in cases:
        if case.find('failure') is not None or case.find('error') is not None:
            tally.failed += 1
        elif (skip := case.find('skipped')) is not None:
            tally.skipped += 1
            tally.why.append(f'skipped {case.get("name")}: {skip.get("message")}')
        else:
            tally.passed += 1
    tally.why = list(dict.fromkeys(tally.why))
    if code and not tally.failed:
        tally.failed = 1
        tally.why.append(f'the runner ended with the code {code}; what it said is above.')


def on_server(kind: str) -> Tally:
    """The nouns' and the wire's tests have run once more, on a database server that was started for them."""
    label = f'domain and wire on {kind}'
    if os.geteuid() != 0:
        return Tally(label, why=['nothing ran: a database server of our own needs root.'])
    server, state = {'mariadb': mariadb, 'postgresql': postgresql}[kind], STATE.with_name('nimbus-test-db')
    here = place.settle(state, form='daemons', database=kind, port_offset=place.TEST_OFFSETS['database'])
    registry = processes.Registry(state)
    try:
        server.up(here, registry)
        os.environ['NIMBUS_TEST_DATABASE'] = server.root_url(here)
        return tox('unit', label, 'tests/domain', 'tests/workflows', 'tests/wire')
    finally:
        os.environ.pop('NIMBUS_TEST_DATABASE', None)
        server.down(registry)
        shutil.rmtree(state)


def command(label: str, *words: str) -> Tally:
    """One command of devstack's has run as a test of its own."""
    say(f'testing {label}')
    began = time.monotonic()
    code = subprocess.run([str(ROOT / 'devstack' / words[0]), *words[1:]], cwd=ROOT).returncode
    return Tally(label, passed=int(not code), failed=int(bool(code)), seconds=time.monotonic() - began)


def still(part: str) -> Tally:
    """A part that needs no cloud has run."""
    if part in FOLDERS and not any((ROOT / FOLDERS[part]).rglob('test_*.py')):
        return Tally(part, why=[f'nothing ran: there are no tests in {FOLDERS[part]}.'])
    return tox(part)


def on_fresh_machines(suite: str) -> Tally:
    """The README's commands have run on machines that had nothing yet, of the Debian that `suite` names."""
    label = f'fresh {suite}'
    if os.geteuid() != 0:
        return Tally(label, why=['nothing ran: a machine in small needs root.'])
    os.environ['NIMBUS_FRESH_SUITE'] = suite
    return tox('fresh', label)


def with_cloud(form: str, database: str, done: Done) -> None:
    """The parts that want a cloud of this form have run, and the cloud is gone again."""
    if os.geteuid() != 0:
        done.add(Tally(form, why=['nothing ran: a real cloud needs root.']))
        return
    state = ['--state', str(STATE)]
    label = f'daemons, {database}' if form == 'daemons' else form
    more = ['--daemons', '--database', database] if form == 'daemons' else []
    os.environ['NIMBUS_STATE'] = str(STATE)
    subprocess.run([str(ROOT / 'devstack' / 'down'), '--purge', *state], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        if done.add(command(f'up ({label})', 'up', *state, *more)).failed:
            done.add(Tally(f'tests ({label})', failed=1, why=['nothing ran: there is no cloud to run them against.']))
            return
        done.add(command(f'up again ({label})', 'up', *state))
        for part in CLOUDS[form]:
            done.add(tox(part, f'{part} ({label})'))
        done.add(tox('tempest', f'tempest newest ({label})', '--newest'))
    finally:
        done.add(command(f'down ({label})', 'down', '--purge', *state))


def main() -> int:
    """Every test asked for has run; 0 when none failed."""
    options = arguments.test().parse_args()
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir()
    done = Done()
    wanted = options.parts or PARTS
    for part in wanted:
        database = options.database or SERVERS.get(part, '')
        if part in CLOUDS:
            with_cloud(part, database, done)
        elif part == SERVER:
            done.add(on_server(database))
        elif part == FRESH:
            done.add(on_fresh_machines(options.suite))
        else:
            done.add(still(part))
    if left := [part for part in KNOWN if part not in wanted]:
        print(f'\nNot asked for: {", ".join(left)}; name them to run them.')
    return done.close()


if __name__ == '__main__':
    finish(main)
