"""How devstack/test counts."""

from devstack import suite

REPORT = """<testsuites><testsuite>
<testcase classname="x" name="a" time="2.5"/><testcase name="b"><failure message="no"/></testcase>
<testcase name="c"><error message="no"/></testcase>
<testcase name="d"><skipped message="no KVM here"/></testcase></testsuite></testsuites>"""


def counted(tmp_path, text: str | None, code: int) -> suite.Tally:
    report = tmp_path / 'report.xml'
    if text:
        report.write_text(text)
    tally = suite.Tally('part')
    suite._count(tally, report, code)
    return tally


def test_every_outcome_is_counted_and_a_skip_says_why(tmp_path):
    tally = counted(tmp_path, REPORT, 1)
    assert (tally.passed, tally.failed, tally.skipped) == (1, 2, 1)
    assert tally.why == ['skipped d: no KVM here']


def test_a_tool_without_a_report_counts_as_one_test(tmp_path):
    assert [(t.passed, t.failed) for t in (counted(tmp_path, None, 0), counted(tmp_path, None, 1))] == [(1, 0), (0, 1)]


def test_a_runner_that_ends_badly_fails_though_no_test_did(tmp_path):
    tally = counted(tmp_path, '<testsuite><testcase name="a"/></testsuite>', 2)
    assert (tally.passed, tally.failed) == (1, 1)


def test_the_sum_fails_when_one_part_does(capsys):
    done = suite.Done()
    done.add(suite.Tally('one', passed=3))
    assert done.close() == 0
    done.add(suite.Tally('two', failed=1, why=['nothing ran: there is no cloud.']))
    assert done.close() == 1
    assert '3 passed, 1 failed, 0 skipped' in capsys.readouterr().out


def test_the_slowest_tests_are_named_at_the_end(tmp_path, capsys):
    done = suite.Done()
    tally = done.add(counted(tmp_path, REPORT, 1))
    tally.took += [(float(n), f'other::{n}') for n in range(20)]
    done.close()
    told = capsys.readouterr().out
    assert '19.0 s  other::19' in told and '10.0 s  other::10' in told and 'other::9' not in told
    assert (2.5, 'x::a') in tally.took
