"""The log of audits of usage, none of which is made."""

from tests.conftest import ADMIN


def test_no_host_has_run_one(api, world):
    told = api('GET', '/os-instance_usage_audit_log/2026-03-15 10:00:00', asker=ADMIN).json['instance_usage_audit_log']
    assert (told['period_beginning'], told['period_ending']) == ('2026-02-01 00:00:00', '2026-03-01 00:00:00')
    assert told['hosts_not_run'] == ['h1'] and told['overall_status'] == '0 of 1 hosts done. 0 errors.'
    assert (told['num_hosts'], told['num_hosts_not_run'], told['log'], told['total_errors']) == (1, 1, {}, 0)
    listed = api('GET', '/os-instance_usage_audit_log', asker=ADMIN).json['instance_usage_audit_logs']
    assert set(listed) == set(told)


def test_a_moment_that_is_none_is_refused_and_a_member_may_not_look(api, world):
    for wrong in ('yesterday', '2026-13-01 00:00:00'):
        told = api('GET', f'/os-instance_usage_audit_log/{wrong}', asker=ADMIN)
        assert (told.status, told.json['badRequest']['message']) == (400, f'Invalid timestamp for date {wrong}')
    assert api('GET', '/os-instance_usage_audit_log').status == 403
    assert api('GET', '/os-instance_usage_audit_log/0001-01-01 00:00:00', asker=ADMIN).status == 200
