"""`nimbus status`: shows whether each API and daemon is up."""

import sys
import urllib.parse

from nimbus.cli import cloud

SERVICES = ('identity', 'compute', 'network', 'image', 'volume', 'placement')
Row = tuple[str, str, str, bool, str]  # kind, name, host, whether it is up, a note


def main(argv: list[str]) -> int:
    """Print one line a part; 0 when all are up, 1 when one is not, 2 when the cloud cannot be asked."""
    parser = cloud.parser('status', 'Show of every part whether it is up.')
    parser.add_argument('--short', action='store_true', help='one line for a monitor: 0 OK, 1 WARNING, 2 CRITICAL')
    args = parser.parse_args(argv)
    try:
        asked = cloud.Cloud.named(args.os_cloud)
        rows = [*endpoints(asked), *daemons(asked)]
    except (cloud.NoCloud, cloud.AWAY) as why:
        if args.short:
            print(f'NIMBUS CRITICAL - the cloud cannot be asked: {cloud.sentence(why)}')
            return 2
        print(f'The cloud cannot be asked: {cloud.sentence(why)}', file=sys.stderr)
        return 2
    if args.short:
        return in_short(rows)
    for kind, name, host, up, note in rows:
        print(f'{"up" if up else "DOWN":5} {kind:9} {name:26} {host:20} {note}'.rstrip())
    down = sum(1 for row in rows if not row[3])
    print(f'{len(rows) - down} of {len(rows)} parts are up.')
    return 1 if down else 0


def in_short(rows: list[Row]) -> int:
    """Print the line that monitors such as Nagios read: an API that is down is critical, a daemon is a warning."""
    down = [row for row in rows if not row[3]]
    level = 0 if not down else 2 if any(row[0] == 'endpoint' for row in down) else 1
    named = ', '.join(f'{name} at {host}' for _, name, host, _, _ in down)
    counts = f'{len(rows) - len(down)} of {len(rows)} parts are up'
    print(f'NIMBUS {("OK", "WARNING", "CRITICAL")[level]} - {counts}{"; down: " + named if down else ""}')
    return level


def endpoints(asked: cloud.Cloud) -> list[Row]:
    """Every REST API: whether its health check, which includes the database, succeeds."""
    rows = []
    for service in SERVICES:
        url = asked.auth_url if service == 'identity' else asked.endpoint(service)
        if not url:
            rows.append(('endpoint', service, '-', False, 'The catalog has no endpoint for it.'))
            continue
        place = urllib.parse.urlsplit(url)
        health = f'{place.scheme}://{place.netloc}/healthcheck'
        try:
            answer = asked.session.get(health, authenticated=False, raise_exc=False, timeout=5)
            up, note = answer.status_code == 200, '' if answer.status_code == 200 else answer.text[:120]
        except cloud.AWAY as why:
            up, note = False, cloud.sentence(why)
        rows.append(('endpoint', service, place.netloc, up, note))
    return rows


def daemons(asked: cloud.Cloud) -> list[Row]:
    """Every daemon that reports: compute services, network agents and volume services."""
    rows = []
    try:
        for row in asked.get('compute', '/os-services')['services']:
            rows.append(('service', row['binary'], row['host'], row['state'] == 'up', _switched(row)))
        for row in asked.get('network', '/v2.0/agents')['agents']:
            rows.append(('agent', row['binary'], row['host'], bool(row['alive']), ''))
        for row in asked.get('volume', '/os-services')['services']:
            rows.append(('service', row['binary'], row['host'], row['state'] == 'up', _switched(row)))
    except cloud.HTTP_ERRORS as why:
        rows.append(('service', 'list', '-', False, cloud.sentence(why)))
    return rows


def _switched(row: dict) -> str:
    reason = row.get('disabled_reason')
    return '' if row['status'] == 'enabled' else f'switched off{": " + reason if reason else ""}'
