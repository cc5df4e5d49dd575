"""What is known of audits of usage (/os-instance_usage_audit_log): nimbus makes none, so no host has run one."""

import datetime
from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.common import errors, times
from nimbus.common.agents import services


def index(call: Call) -> dict[str, Any]:
    """The audits of the month before this one."""
    return {'instance_usage_audit_logs': _told(call, call.parts.clock.now())}


def show(call: Call, before: str) -> dict[str, Any]:
    """The audits of the last month that ended before the moment."""
    return {'instance_usage_audit_log': _told(call, _moment(before))}


def _moment(text: str) -> datetime.datetime:
    found = times.read(text)
    if found is None:
        raise errors.Invalid(f'Invalid timestamp for date {text[:80]}')
    return found


def _told(call: Call, moment: datetime.datetime) -> dict[str, Any]:
    end = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin = (end - datetime.timedelta(days=1)).replace(day=1)
    with call.db.read() as tx:
        hosts = sorted({row.host for row in services.find(tx, room='compute', binary='nova-compute')})
    return {
        'period_beginning': str(begin),
        'period_ending': str(end),
        'num_hosts': len(hosts),
        'num_hosts_done': 0,
        'num_hosts_running': 0,
        'num_hosts_not_run': len(hosts),
        'hosts_not_run': hosts,
        'total_instances': 0,
        'total_errors': 0,
        'overall_status': f'0 of {len(hosts)} hosts done. 0 errors.',
        'log': {},
    }
