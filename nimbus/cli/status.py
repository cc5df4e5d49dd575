"""`nimbus status`: every part, up or not."""

import sys
import urllib.parse

from nimbus.cli import cloud

SERVICES = ('identity', 'compute', 'network', 'image', 'volume', 'placement')


def main(argv: list[str]) -> int:
    """Print one line a part; 0 when all are up, 1 when one is not, 2 when the cloud cannot be asked."""
    told = cloud.parser('status', 'Say of every part whether it is up.').parse_args(argv)
    try:
        asked = cloud.Cloud(told.os_cloud)
        rows = [*endpoints(asked), *daemons(asked)]
    except (cloud.NoCloud, cloud.AWAY) as why:
        print(f'The cloud cannot be asked: {cloud.sentence(why)}', file=sys.stderr)
        return 2
    for kind, name, host, up, note in rows:
        print(f'{"up" if up else "DOWN":5} {kind:9} {name:26} {host:20} {note}'.rstrip())
    down = sum(1 for row in rows if not row[3])
    print(f'{len(rows) - down} of {len(rows)} parts are up.')
    return 1 if down else 0


def endpoints(asked: cloud.Cloud) -> list[tuple[str, str, str, bool, str]]:
    """Every REST API: whether it answers and says it is healthy, database included."""
    rows = []
    for service in SERVICES:
        url = asked.auth_url if service == 'identity' else asked.endpoint(service)
        if not url:
            rows.append(('endpoint', service, '-', False, 'The catalog has no endpoint of it.'))
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


def daemons(asked: cloud.Cloud) -> list[tuple[str, str, str, bool, str]]:
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
