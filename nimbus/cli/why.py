"""`nimbus why SERVER`: what happened to a server, step by step, and why."""

import re
import sys
import urllib.parse
from typing import Any

from nimbus.cli import cloud

VERSION = 'latest'


def main(argv: list[str]) -> int:
    """Print a server's story, oldest action first; 1 when there is no such server, 2 when the cloud is away."""
    parser = cloud.parser('why', 'Say what happened to a server, step by step, and why.')
    parser.add_argument('server', help='id or name')
    told = parser.parse_args(argv)
    try:
        asked = cloud.Cloud(told.os_cloud)
        server = find(asked, told.server)
        if server is None:
            print(f'There is no server {told.server}.', file=sys.stderr)
            return 1
        print('\n'.join(story(asked, server)))
    except (cloud.NoCloud, cloud.AWAY) as why:
        print(f'The cloud cannot be asked: {cloud.sentence(why)}', file=sys.stderr)
        return 2
    return 0


def find(asked: cloud.Cloud, wanted: str) -> dict[str, Any] | None:
    """The server by id, else by exact name among all that the asker may see; the newest of several."""
    try:
        return asked.get('compute', f'/servers/{urllib.parse.quote(wanted, safe="")}', VERSION)['server']
    except cloud.HTTP_ERRORS as why:
        if why.http_status not in (400, 404):
            raise
    for scope in ('all_tenants=1&', ''):
        try:
            query = urllib.parse.urlencode({'name': f'^{re.escape(wanted)}$'})
            rows = asked.get('compute', f'/servers/detail?{scope}{query}', VERSION)['servers']
        except cloud.HTTP_ERRORS:
            continue
        if found := [row for row in rows if row['name'] == wanted]:
            return max(found, key=lambda row: row['created'])
    return None


def story(asked: cloud.Cloud, server: dict[str, Any]) -> list[str]:
    """The lines that tell it."""
    host = server.get('OS-EXT-SRV-ATTR:host')
    lines = [f'{server["name"]} ({server["id"]}) is {server["status"]}{f" on {host}" if host else ""}.']
    actions = asked.get('compute', f'/servers/{server["id"]}/os-instance-actions', VERSION)['instanceActions']
    for action in reversed(actions):
        lines += ['', f'{action["start_time"]}  {action["action"]}  ({action["request_id"]})']
        if action.get('message'):
            lines.append(f'    {action["message"]}')
        path = f'/servers/{server["id"]}/os-instance-actions/{action["request_id"]}'
        events = asked.get('compute', path, VERSION)['instanceAction'].get('events', ())
        for event in sorted(events, key=lambda event: event['finish_time'] or event['start_time']):
            lines += _event(event)
    if fault := server.get('fault'):
        lines += ['', f'Cause: {fault["message"]}']
        if fault.get('details') and fault['details'] != fault['message']:
            lines.append(f'    {fault["details"]}')
    return lines


def _event(event: dict[str, Any]) -> list[str]:
    place = f' on {event["host"]}' if event.get('host') else ''
    lines = [f'    {event["finish_time"] or event["start_time"]}  {event["event"]}{place}: {event["result"] or "..."}']
    told = dict.fromkeys(str(event[name]).strip() for name in ('details', 'traceback') if event.get(name))
    return lines + [f'        {text}' for text in told]
