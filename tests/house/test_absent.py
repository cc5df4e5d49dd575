"""What doc/absent.md calls absent is, and what is absent stands there.

Upstream's operations and versions are in tests/house/published, as its references publish them, with what a version
is of where it brought nothing that is here: an item of the page, or `served` where it asks for no change.
"""

import csv
import fnmatch
import functools
import importlib
import re

import pytest

from nimbus.api.compute.microversions import HISTORY as COMPUTE
from nimbus.api.kit.routes import Route, Router
from nimbus.api.volume.microversions import VOLUME
from tests.house import source

ITEM = re.compile(r'`(\*|GET|PUT|POST|DELETE|PATCH|HEAD) (/[^`]*)`|`action ([\w-]+)`')
VERSIONS = re.compile(r'Versions `(\d+\.\d+)` to `(\d+\.\d+)`')
PUBLISHED = source.ROOT / 'tests' / 'house' / 'published'
SERVICES = ('identity', 'compute', 'image', 'network', 'placement', 'volume')
NAMED_LIKE_IDS = {'/types/default', *(f'/os-services/{word}' for word in ('enable', 'disable', 'disable-log-reason'))}
NAMED_LIKE_IDS |= {'/os-services/force-down', '/os-hypervisors/detail'}
NAMED_LIKE_IDS |= {
    '/os-certificates/root',
    '/os-cloudpipe/configure-project',
    '/os-floating-ips-bulk/delete',
}  # a route takes these words for an id
SERVED_ON_PURPOSE = {'GET /v2/info/stores'}  # a route whose answer is that there is nothing


@functools.cache
def sections() -> dict[str, str]:
    """The page's text by the service it speaks of."""
    text = (source.ROOT / 'doc' / 'absent.md').read_text()
    return dict(re.findall(r'^## (\w+)\n(.*?)(?=^## |\Z)', text, re.M | re.S))


@functools.cache
def routes(service: str) -> list[Route]:
    """Every route of the service."""
    module = importlib.import_module(f'nimbus.api.{service}.routes')
    return [route for name, table in vars(module).items() if name.endswith('ROUTES') for route in table]


@functools.cache
def router(service: str) -> Router:
    """What finds the service's routes."""
    return Router(routes(service))


def published(name: str) -> list[dict[str, str]]:
    """The rows of one table of what upstream publishes."""
    return list(csv.DictReader((PUBLISHED / f'{name}.tsv').read_text().splitlines(), delimiter='\t'))


def plain(path: str) -> str:
    """The path without the names of its ids."""
    return re.sub(r'{[^}]*}', '{}', path)


def is_served(service: str, method: str, path: str, action: str) -> bool:
    """Whether a route is the operation: of the same path but for the names of ids, and of the same action."""
    node, _ = router(service).find(path.replace('{}', 'x'))
    rows = node.routes.get('GET' if method == 'HEAD' else method, []) if node else []
    return any(
        (route.action or '') in (action, '') and (plain(route.path) == path or path in NAMED_LIKE_IDS)
        for _, route in rows
    )


def told(service: str) -> list[tuple[str, str, str]]:
    """The items of the page's section: method, path, action."""
    return [(method, plain(path), action) for method, path, action in ITEM.findall(sections()[service])]


def covers(item: tuple[str, str, str], method: str, path: str, action: str) -> bool:
    """Whether the item of the page speaks of the operation: `*` is the path with all that lies below it."""
    if item[2]:
        return item[2] == action
    if item[0] == '*':
        return path == item[1] or path.startswith(item[1] + '/')
    return (item[0], item[1]) == (method, path)


def test_nothing_that_is_called_absent_is_served():
    found, items = [], 0
    for service in SERVICES:
        for item in told(service):
            items += 1
            for route in routes(service):
                there = covers(item, route.method, plain(route.path), route.action or '')
                if there and ' '.join(item[:2]) not in SERVED_ON_PURPOSE:
                    found.append(f'{service}: {item} is {route.method} {route.path} {route.action or ""}')
    assert items > 50
    assert found == []


@pytest.mark.parametrize('service', SERVICES)
def test_every_operation_that_is_not_served_is_called_absent(service):
    missing, items = [], told(service)
    for method, path, action in (row.values() for row in published(service)):
        if not is_served(service, method, path, action) and not any(
            covers(item, method, path, action) for item in items
        ):
            missing.append(f'{method} {path} {action}'.strip())
    assert missing == []


@pytest.mark.parametrize(('service', 'history'), [('compute', COMPUTE), ('volume', VOLUME)])
def test_the_versions_beyond_the_newest_are_called_absent(service, history):
    known = [row['version'] for row in published('versions') if row['service'] == service]
    beyond = [text for text in known if tuple(map(int, text.split('.'))) > history.latest]
    assert VERSIONS.findall(sections()[service]) == ([(beyond[0], beyond[-1])] if beyond else [])


@pytest.mark.parametrize(('service', 'history'), [('compute', COMPUTE), ('volume', VOLUME)])
def test_a_version_that_changes_nothing_here_is_of_what_is_called_absent(service, history):
    changes = {change.number for change in history.changes} | {history.minimum}
    for route in routes(service):
        changes |= {route.since, (route.until[0], route.until[1] + 1)}
    page, items = ' '.join((source.ROOT / 'doc' / 'absent.md').read_text().split()), told(service)
    missing = []
    for row in published('versions'):
        version, of = tuple(map(int, row['version'].split('.'))), row['of']
        if row['service'] != service or version > history.latest or version in changes or of == 'served':
            continue
        method, _, path = of.partition(' ')
        item = ('', '', path) if method == 'action' else (method, path, '')
        if item not in items and item not in told('network') and not (of and of in page):
            missing.append(f'{row["version"]} {of}')
    assert missing == []


def test_every_wish_that_is_refused_is_called_absent():
    table = (source.ROOT / 'tests' / 'wire' / 'compute' / 'wishes.tsv').read_text()
    wishes = [row for row in csv.DictReader(table.splitlines(), delimiter='\t') if row['fate'] == 'refused']
    refused = sections()['compute'].split('Refused are')[1]
    named = [name.replace('[', '[[]') for name in re.findall(r'`([^`]+)`', refused)]
    missing = [row['name'] for row in wishes if not any(fnmatch.fnmatchcase(row['name'], name) for name in named)]
    assert len(wishes) > 100 and missing == []
