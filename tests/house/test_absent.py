"""What doc/absent.md calls absent is."""

import importlib
import re

from nimbus.api.kit.routes import Route, Router
from tests.house import source

ITEM = re.compile(r'`(\*|GET|PUT|POST|DELETE|PATCH) (/[^`]*)`|`action ([\w-]+)`')
SERVED_ON_PURPOSE = {'GET /v2/info/stores'}  # a route whose answer is that there is nothing


def sections() -> dict[str, str]:
    """The page's text by the service it speaks of."""
    text = (source.ROOT / 'doc' / 'absent.md').read_text()
    return dict(re.findall(r'^## (\w+)\n(.*?)(?=^## |\Z)', text, re.M | re.S))


def routes(service: str) -> list[Route]:
    """Every route of the service."""
    module = importlib.import_module(f'nimbus.api.{service}.routes')
    return [route for name, table in vars(module).items() if name.endswith('ROUTES') for route in table]


def test_nothing_that_is_called_absent_is_served():
    found, items = [], 0
    for service, text in sections().items():
        served = routes(service)
        actions, router = {route.action for route in served}, Router(served)
        for method, path, action in ITEM.findall(text):
            items += 1
            node, _ = router.find(re.sub(r'{\w+}', 'x', path)) if path else (None, [])
            methods = {route.method for rows in (node.routes.values() if node else ()) for _, route in rows}
            there = action in actions if action else methods if method == '*' else method in methods
            if there and f'{method} {path}' not in SERVED_ON_PURPOSE:
                found.append(f'{service}: {method} {path}{action}')
    assert items > 80
    assert found == []
