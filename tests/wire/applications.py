"""What a pipeline consists of, for tests that walk every route."""

from collections.abc import Iterator
from typing import Any

from nimbus.api.kit import wsgi
from nimbus.api.kit.routes import Api


def apis(app: Any, mount: str = '') -> Iterator[tuple[str, Api]]:
    """Every Api under a pipeline and the path it is mounted at."""
    if isinstance(app, Api):
        yield mount, app
    elif isinstance(app, wsgi.Mounts):
        for prefix, inner in app.apps:
            yield from apis(inner, mount + prefix)
    elif isinstance(app, wsgi.Filter):
        yield from apis(app.app, mount)
