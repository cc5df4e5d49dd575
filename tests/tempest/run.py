"""Runs tempest's tests against a cloud: those of the lists, or single ones, and says what became of each."""

import argparse
import collections
import itertools
import os
import pathlib
import re
import xml.etree.ElementTree as xml

from devstack.arguments import tempest
from devstack.place import Place, remembered
from devstack.progress import Unable, finish, say
from tests.tempest.workspace import Workspace

HERE = pathlib.Path(__file__).parent
# Tests of the lists that cannot pass when every request asks for the newest version.
BEFORE_NEWEST = {
    # Nova's proxies of security groups end with 2.35, and tempest skips these above it.
    'tempest.api.compute.security_groups.test_security_group_rules.SecurityGroupRulesTestJSON'
    '.test_security_group_rules_create',
    'tempest.api.compute.security_groups.test_security_group_rules.SecurityGroupRulesTestJSON'
    '.test_security_group_rules_list',
    'tempest.api.compute.security_groups.test_security_groups.SecurityGroupsTestJSON'
    '.test_security_groups_create_list_delete',
}
AREAS = sorted(path.stem for path in HERE.glob('*.txt'))
# Everything else that passes, too much for every run: `devstack/tempest wide/network`.
WIDE = sorted(f'wide/{path.stem}' for path in HERE.glob('wide/*.txt'))
# What passed on several hosts, and is partly skipped on one: `devstack/tempest hosts/compute` on a cloud of several.
HOSTS = sorted(f'hosts/{path.stem}' for path in HERE.glob('hosts/*.txt'))


def listed(area: str) -> list[str]:
    """The ids of the tests that must pass in `area`."""
    lines = (line.partition('#')[0].strip() for line in (HERE / f'{area}.txt').read_text().splitlines())
    return [test for line in lines if line for test in spelled_out(line)]


def spelled_out(line: str) -> list[str]:
    """The tests that a line names: `a.{B,C}.d` is `a.B.d` and `a.C.d`."""
    pieces = [part.strip('{}').split(',') for part in re.split(r'(\{[^}]*\})', line)]
    return [''.join(chosen) for chosen in itertools.product(*pieces)]


def judge(wanted: list[str], outcomes: list[dict[str, str]]) -> tuple[collections.Counter, list[str]]:
    """How many tests ended which way, and a sentence for every wanted one that did not pass."""
    counted = collections.Counter(row['status'] for row in outcomes)
    status = {row['id']: row for row in outcomes}
    broken = [
        f'{row["id"]} failed: {_last_line(row)}'
        for row in outcomes
        if row['status'] == 'failed' and row['id'] not in wanted
    ]
    for test in wanted:
        row = status.get(test)
        if row is None:
            broken.append(f'{test} did not run')
        elif row['status'] != 'passed':
            broken.append(f'{test} {row["status"]}: {_last_line(row)}')
    return counted, broken


def _last_line(row: dict[str, str]) -> str:
    return (row['why'].strip().splitlines() or ['no reason given'])[-1].strip()


def report(wanted: list[str], outcomes: list[dict[str, str]], file: pathlib.Path) -> None:
    """`file` has every outcome in JUnit's format; a wanted test that did not pass stands there as failed."""
    suite = xml.Element('testsuite', name='tempest')
    rows = {row['id']: row for row in outcomes}
    for test in {**dict.fromkeys(wanted), **rows}:
        row = rows.get(test, {'status': 'failed', 'why': 'It did not run.'})
        case = xml.SubElement(suite, 'testcase', name=test)
        if row['status'] == 'failed' or (test in wanted and row['status'] != 'passed'):
            xml.SubElement(case, 'failure', message=_last_line(row))
        elif row['status'] == 'skipped':
            xml.SubElement(case, 'skipped', message=_last_line(row))
    xml.ElementTree(suite).write(file)


def arguments() -> argparse.ArgumentParser:
    """The command line of devstack/tempest."""
    return tempest(
        f'Without a test only the workspace is made. The areas are {", ".join(AREAS)}; beyond "all" there are '
        f'{", ".join(WIDE)}, and for several hosts {", ".join(HOSTS)}.'
    )


def main() -> int:
    """The tests asked for ran; 0 when each of them passed."""
    options = arguments().parse_args()
    state = options.state.absolute()
    choices = remembered(state)
    if choices is None:
        raise Unable(f'there is no cloud in {state}; run devstack/up first.')
    workspace = Workspace(Place(state, choices))
    say(f'configuring the tempest workspace {workspace.folder}')
    names = AREAS if options.tests == ['all'] else options.tests
    wanted = [test for name in names for test in (listed(name) if name in AREAS + WIDE + HOSTS else [name])]
    # A persona has the roles that its test gives it, and no other.
    personas = any(test.startswith('keystone_tempest_plugin.tests.rbac.') for test in wanted)
    workspace.configure(options.newest, **({'auth.tempest_roles': ''} if personas else {}))
    if not options.tests:
        print(f'Run one test with: devstack/tempest TEST_ID, or tempest itself in {workspace.folder}.')
        return 0
    if options.newest:
        wanted = [test for test in wanted if test not in BEFORE_NEWEST]
    outcomes = workspace.run(wanted, options.concurrency)
    if 'NIMBUS_REPORTS' in os.environ:
        report(wanted, outcomes, pathlib.Path(os.environ['NIMBUS_REPORTS']) / 'tempest.xml')
    counted, broken = judge(wanted, outcomes)
    for sentence in broken:
        print(sentence)
    ran = counted['passed'] + counted['failed']
    print(f'{ran} run, {counted["passed"]} passed, {counted["failed"]} failed, {counted["skipped"]} skipped')
    return 1 if broken else 0


if __name__ == '__main__':
    finish(main)
