"""How tempest's outcomes are held to the lists."""

import re
import xml.etree.ElementTree as xml

import pytest

from tests.tempest import run


def outcome(test: str, status: str, why: str = '') -> dict[str, str]:
    return {'id': test, 'status': status, 'why': why}


def test_tests_that_all_pass_leave_nothing_to_say():
    counted, broken = run.judge(['a.b'], [outcome('a.b', 'passed')])
    assert (counted['passed'], broken) == (1, [])


def test_a_listed_test_that_was_skipped_is_not_a_pass():
    assert run.judge(['a.b'], [outcome('a.b', 'skipped', 'no such service')])[1] == ['a.b skipped: no such service']


def test_a_listed_test_that_never_ran_is_named():
    assert run.judge(['a.b'], [])[1] == ['a.b did not run']


def test_a_class_that_could_not_be_set_up_is_named_with_its_reason():
    broken = run.judge(['a.B.c'], [outcome('setUpClass (a.B)', 'failed', 'Traceback\nNotFound: no image')])[1]
    assert broken == ['setUpClass (a.B) failed: NotFound: no image', 'a.B.c did not run']


@pytest.mark.parametrize('area, number', [('image', 4), ('compute', 16), ('volume', 5), ('identity', 5)])
def test_the_lists_hold_the_tests_that_must_pass(area, number):
    tests = run.listed(area)
    assert len(set(tests)) == number
    assert all(re.fullmatch(rf'tempest\.api\.{area}\.[\w.]+', test) for test in tests)


def test_the_wide_lists_are_no_part_of_the_usual_run():
    assert 'wide/network' in run.WIDE and not set(run.WIDE) & set(run.AREAS)
    tests = run.listed('wide/network')
    assert len(set(tests)) == len(tests) >= 205
    assert all(re.fullmatch(r'tempest\.api\.network\.[\w.]+', test) for test in tests)


def test_the_list_of_compute_for_one_host_and_that_for_several_are_apart():
    wide, hosts = run.listed('wide/compute'), run.listed('hosts/compute')
    assert len(set(wide)) == len(wide) >= 56 and len(set(hosts)) == len(hosts) >= 480
    assert not set(wide) & {*hosts, *run.listed('compute')}


def test_the_report_counts_a_skipped_test_of_the_lists_as_failed(tmp_path):
    outcomes = [outcome('a', 'passed'), outcome('b', 'skipped', 'off'), outcome('other', 'skipped', 'off')]
    run.report(['a', 'b', 'c'], outcomes, tmp_path / 'r.xml')
    cases = {case.get('name'): [child.tag for child in case] for case in xml.parse(tmp_path / 'r.xml').iter('testcase')}
    assert cases == {'a': [], 'b': ['failure'], 'c': ['failure'], 'other': ['skipped']}


def test_the_tests_left_out_at_the_newest_version_are_of_the_lists():
    assert run.BEFORE_NEWEST <= {test for area in run.AREAS for test in run.listed(area)}


def test_a_line_may_name_tests_of_several_classes():
    assert run.spelled_out('a.B.c') == ['a.B.c']
    assert run.spelled_out('a.{B,C}.{d,e}') == ['a.B.d', 'a.B.e', 'a.C.d', 'a.C.e']


def test_every_persona_of_identity_is_listed():
    tests = run.listed('wide/keystone-rbac')
    assert len(set(tests)) == len(tests) >= 1708
    personas = {test.rsplit('.', 2)[1] for test in tests}
    assert personas == {
        f'{scope}{role}Tests'
        for scope in ('System', 'Domain', 'Project')
        for role in ('Admin', 'Manager', 'Member', 'Reader')
        if (scope, role) != ('System', 'Manager')
    }
