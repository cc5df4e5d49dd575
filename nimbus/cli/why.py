"""`nimbus why SERVER`: shows a server's actions and their steps, with the causes of failures."""

import re
import sys
import urllib.parse
from typing import Any

from nimbus.cli import cloud

VERSION = 'latest'


def main(argv: list[str]) -> int:
    """Print a server's actions, oldest first; 1 when there is no such server, 2 when the cloud cannot be reached."""
    parser = cloud.parser('why', 'Show what happened to a server, step by step, and why.')
    parser.add_argument('server', help='id or name')
    args = parser.parse_args(argv)
    try:
        asked = cloud.Cloud.named(args.os_cloud)
        server = find(asked, args.server)
        if server is None:
            print(f'There is no server {args.server}.', file=sys.stderr)
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
    """The lines about the server and its actions."""
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
    if lines_apart := apart(asked, server):
        lines += ['', *lines_apart]
    if fault := server.get('fault'):
        lines += ['', f'Cause: {fault["message"]}']
        if fault.get('details') and fault['details'] != fault['message']:
            lines.append(f'    {fault["details"]}')
    return lines


def apart(asked: cloud.Cloud, server: dict[str, Any]) -> list[str]:
    """A line for each network that is local to a host and has servers on other hosts, which cannot be reached."""
    here = server.get('OS-EXT-SRV-ATTR:host') or server.get('hostId')
    lines = []
    for network_id in dict.fromkeys(port['network_id'] for port in _ports(asked, 'device_id', server['id'])):
        kind = _type(asked, network_id)
        if kind not in ('local', None):
            continue
        others = [port for port in _ports(asked, 'network_id', network_id) if port['device_id'] != server['id']]
        places = _places(asked, [port for port in others if port['device_owner'].startswith('compute:')])
        far = [place for place in places if place and here and place != here]
        # A local network has a DHCP server on each host with guests; one that serves several hosts reaches them all.
        servers = [port for port in others if port['device_owner'] == 'network:dhcp']
        if far and (kind or len(servers) != 1):
            hosts = sorted(set(far)) if server.get('OS-EXT-SRV-ATTR:host') else []
            lines.append(
                f'Network {network_id} {"is" if kind else "may be"} local to each host: {len(far)} of its servers run '
                f'elsewhere{" (on " + ", ".join(hosts) + ")" if hosts else ""}, and this one and they '
                f'{"do not" if kind else "then do not"} reach each other.'
            )
    return lines


def _type(asked: cloud.Cloud, network_id: str) -> str | None:
    """The network's type; None where the asker may not see it."""
    try:
        found = asked.get('network', f'/v2.0/networks/{network_id}', None).get('network', {})
    except cloud.AWAY:
        return None
    kind: str | None = found.get('provider:network_type')
    return kind


def _ports(asked: cloud.Cloud, name: str, value: str) -> list[dict[str, Any]]:
    """The ports of a device or network, as far as the asker may see them."""
    try:
        found: list[dict[str, Any]] = asked.get('network', f'/v2.0/ports?{name}={value}', None).get('ports', [])
    except cloud.AWAY:
        return []
    return found


def _places(asked: cloud.Cloud, ports: list[dict[str, Any]]) -> list[str]:
    """The host of each port's server, or its hostId where the asker may not see hosts."""
    if not ports or 'binding:host_id' in ports[0]:
        return [port['binding:host_id'] for port in ports]
    servers = asked.get('compute', '/servers/detail', VERSION)['servers']
    known = {row['id']: row.get('hostId') for row in servers}
    return [known.get(port['device_id']) or '' for port in ports]


def _event(event: dict[str, Any]) -> list[str]:
    place = f' on {event["host"]}' if event.get('host') else ''
    lines = [f'    {event["finish_time"] or event["start_time"]}  {event["event"]}{place}: {event["result"] or "..."}']
    details = dict.fromkeys(str(event[name]).strip() for name in ('details', 'traceback') if event.get(name))
    return lines + [f'        {text}' for text in details]
