"""Runs the parts of the tests in order, and reports what passed, failed or could not run, and the slowest tests."""

import argparse
import dataclasses
import heapq
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

from devstack import arguments, mariadb, place, postgresql, processes, rotation
from devstack.arguments import CLOUDS, FRESH, GROUPS, KNOWN, PARTS, SERVERS
from devstack.progress import began, finish, say

ROOT = pathlib.Path(__file__).resolve().parent.parent
REPORTS = ROOT / '.reports'
# Short, for unix sockets lie below it; apart from /var/lib/nimbus, where the user's own cloud may be.
STATE = pathlib.Path('/var/tmp/nimbus-test')
SLOWEST = 10  # tests that are named at the end
WIDE = sorted(f'wide/{path.stem}' for path in (ROOT / 'tests' / 'tempest' / 'wide').glob('*.txt'))


@dataclasses.dataclass
class Tally:
    """What became of one part of the tests."""

    part: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    why: list[str] = dataclasses.field(default_factory=list)
    took: list[tuple[float, str]] = dataclasses.field(default_factory=list)  # the seconds of each test

    def __str__(self) -> str:
        counts = f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'
        return '\n'.join([f'{self.part:<18} {counts}, {self.seconds:.0f} s', *(f'    {why}' for why in self.why)])


class Done:
    """All that has run so far."""

    def __init__(self) -> None:
        self._tallies: list[Tally] = []

    def add(self, tally: Tally) -> Tally:
        """One more part has run, and its result is printed at once."""
        self._tallies.append(tally)
        print(tally, flush=True)
        return tally

    def close(self) -> int:
        """All results are printed once more, with the slowest tests and the sums; 1 when anything failed."""
        print('\n' + '\n'.join(str(tally) for tally in self._tallies))
        if slowest := heapq.nlargest(SLOWEST, (one for tally in self._tallies for one in tally.took)):
            print('\nThe slowest tests:')
            print('\n'.join(f'{seconds:8.1f} s  {name}' for seconds, name in slowest))
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
    tally.took = [(float(case.get('time', 0)), f'{case.get("classname", "")}::{case.get("name")}') for case in cases]
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
    label = f'nouns, workflows and wire on {kind}'
    if os.geteuid() != 0:
        return Tally(label, why=['nothing ran: a database server of our own needs root.'])
    server, state = {'mariadb': mariadb, 'postgresql': postgresql}[kind], STATE.with_name('nimbus-test-db')
    here = place.settle(state, form='daemons', database=kind, port_offset=place.TEST_OFFSETS['database'])
    registry = processes.Registry(state)
    try:
        server.up(here, registry, lasting=False)
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


def on_fresh_machines(suite: str) -> Tally:
    """The README's commands have run on machines that had nothing yet, of the Debian that `suite` names."""
    label = f'fresh {suite}'
    if os.geteuid() != 0:
        return Tally(label, why=['nothing ran: a machine in small needs root.'])
    os.environ['NIMBUS_FRESH_SUITE'] = suite
    return tox('fresh', label)


def with_cloud(part: str, database: str, done: Done) -> None:
    """What the part asks of a cloud has been asked, and the cloud is gone again."""
    if os.geteuid() != 0:
        done.add(Tally(part, why=['nothing ran: a real cloud needs root.']))
        return
    state = ['--state', str(STATE)]
    label = f'daemons, {database}' if part == 'daemons' else part
    more = ['--daemons', '--database', database] if part == 'daemons' else []
    os.environ['NIMBUS_STATE'] = str(STATE)
    subprocess.run([str(ROOT / 'devstack' / 'down'), '--purge', *state], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        if done.add(command(f'up ({label})', 'up', *state, *more)).failed:
            done.add(Tally(f'tests ({label})', failed=1, why=['nothing ran: there is no cloud to run them against.']))
            return
        if 'demo' in CLOUDS[part]:
            done.add(command(f'up again ({label})', 'up', *state))
        for what in CLOUDS[part]:
            ask(what, label, done)
    finally:
        done.add(command(f'down ({label})', 'down', '--purge', *state))


def ask(what: str, label: str, done: Done) -> None:
    """The cloud that stands has been asked."""
    if what == 'newest':
        done.add(tox('tempest', f'tempest newest ({label})', 'all', '--newest'))
    elif what == 'wide':
        for name in WIDE:
            done.add(tox('tempest', f'tempest {name}', name))
    else:
        done.add(tox(what, f'{what} ({label})'))


def run(part: str, options: argparse.Namespace, done: Done) -> None:
    """The part has run."""
    if part in CLOUDS:
        with_cloud(part, options.database, done)
    elif part in SERVERS:
        done.add(on_server(part))
    elif part == FRESH:
        done.add(on_fresh_machines(options.suite))
    else:
        done.add(tox(part))


def run_within(parts: list[str], options: argparse.Namespace, done: Done) -> list[str]:
    """The parts have run for which there was time; returns the others."""
    left_out, end = [], began() + options.minutes * 60
    changed, turn = rotation.changed(), rotation.turn()
    chosen = [part for part in parts if part not in rotation.SECONDS]  # these are short
    chosen += [part for part in rotation.order(changed, turn) if part in parts]
    say(f'{len(changed)} files were changed lately, and it is turn {turn}: {", ".join(chosen)}, as far as time goes')
    for part in chosen:
        left, needed = end - time.time(), rotation.SECONDS.get(part, 0)
        if needed > left:
            say(f'{part} takes about {needed} s, and {max(left, 0):.0f} s are left')
            left_out.append(part)
            continue
        start = time.monotonic()
        run(part, options, done)
        say(f'{part} took {time.monotonic() - start:.0f} s, where devstack/rotation.py says {needed} s')
    return left_out


def main() -> int:
    """Every test asked for has run; 0 when none failed."""
    options = arguments.test().parse_args()
    REPORTS.mkdir(exist_ok=True)
    done = Done()
    named = options.parts or PARTS
    wanted = list(dict.fromkeys(part for name in named for part in GROUPS.get(name, (name,))))
    if options.minutes is None:
        for part in wanted:
            run(part, options, done)
        left_out = []
    else:
        left_out = run_within(wanted, options, done)
    code = done.close()
    if left_out:
        print(f'Not reached within {options.minutes} minutes: {", ".join(left_out)}.')
    if left := [part for part in KNOWN if part not in wanted]:
        print(f'Not asked for: {", ".join(left)}; name them to run them, or "all".')
    return code


if __name__ == '__main__':
    finish(main)
