"""Discovery of the Image API: versions, import methods and quota usage."""

from typing import Any

from nimbus.api.kit.routes import Call, Reply

CURRENT = '2.15'
SUPPORTED = ('2.9', '2.7', '2.6', '2.5', '2.4', '2.3', '2.2', '2.1', '2.0')


def versions(call: Call) -> Any:
    """GET / and GET /versions: every version there is."""
    href = f'{call.root_url}/v2/'
    rows = [(CURRENT, 'CURRENT'), *((number, 'SUPPORTED') for number in SUPPORTED)]
    return {
        'versions': [
            {'id': f'v{number}', 'status': status, 'links': [{'rel': 'self', 'href': href}]} for number, status in rows
        ]
    }


def choices(call: Call) -> Any:
    """GET /: the versions, with status 300."""
    return Reply(versions(call), status=300)


def methods(call: Call) -> tuple[str, ...]:
    """The import methods that the operator allows."""
    allowed: tuple[str, ...] = call.parts.extra['image'].limits.import_methods
    return allowed


def import_methods(call: Call) -> Any:
    """GET /v2/info/import."""
    about = {'description': 'Import methods available.', 'type': 'array', 'value': list(methods(call))}
    return {'import-methods': about}


def usage(call: Call) -> Any:
    """GET /v2/info/usage."""
    with call.db.read() as tx:
        found = call.parts.extra['image'].quotas.show(tx, call.context.project_id or '')
    return {'usage': {name: {'limit': quota.limit, 'usage': quota.used} for name, quota in found.items()}}
