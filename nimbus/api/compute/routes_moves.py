"""The endpoints of the Compute API that show moves of servers, and end them."""

from collections.abc import Callable
from typing import Any

from nimbus.api.compute.policies import API
from nimbus.api.compute.servers.moves import live, resizes
from nimbus.api.kit.routes import Route

FORCED, LISTED, ABORTED = (2, 22), (2, 23), (2, 24)  # the versions that brought these routes


def moving(method: str, path: str, handler: Callable[..., Any], rule: str, status: int = 200, **more: Any) -> Route:
    """A row for the moves of a server that runs."""
    rule = f'{API}servers:migrations:{rule}'
    return Route(method, f'/servers/{{id}}/migrations{path}', handler, rule, status, **more)


MIGRATIONS = (
    Route('GET', '/os-migrations', resizes.migrations, f'{API}os-migrations:index'),
    moving('GET', '', live.index, 'index', since=LISTED),
    moving('GET', '/{migration_id}', live.show, 'show', since=LISTED),
    moving('DELETE', '/{migration_id}', live.abort, 'delete', 202, since=ABORTED),
    moving(
        'POST',
        '/{migration_id}/action',
        live.force_complete,
        'force_complete',
        202,
        action='force_complete',
        shape=live.FORCE_COMPLETE,
        since=FORCED,
    ),
)
