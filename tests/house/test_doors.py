"""The house rules, checked: which room may open which door."""

import ast
import pathlib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ('identity', 'compute', 'image', 'network', 'volume', 'scheduler')
ROOMS = tuple(f'nimbus.{name}' for name in SERVICES)
FORBIDDEN = {
    'nimbus.common': ('nimbus.api', 'nimbus.conductor', 'nimbus.cmd', 'nimbus.cli', *ROOMS),
    'nimbus.api': (
        'sqlalchemy',
        'nimbus.conductor',
        'nimbus.cmd',
        'oslo_messaging',
        *(f'{room}.models' for room in ROOMS),
        'nimbus.identity.models_federation',
        'nimbus.network.models_traffic',
        'nimbus.network.models_wiring',
        'nimbus.image.models_metadefs',
        *(f'{room}.agent' for room in ROOMS),
    ),
    'nimbus.console': ('webob', 'nimbus.api', 'nimbus.conductor', 'nimbus.cmd', *(f'{room}.agent' for room in ROOMS)),
    'nimbus.conductor': ('webob', 'nimbus.api', 'nimbus.cmd', *(f'{room}.agent' for room in ROOMS)),
    **{room: ('webob', 'nimbus.api', 'nimbus.conductor', 'nimbus.cmd') for room in ROOMS},
}
ONLY_IN = {
    'lxml': ('nimbus.identity.saml.signed_xml',),
    'signxml': ('nimbus.identity.saml.signed_xml',),
    'boto3': ('nimbus.image.stores.s3', 'nimbus.volume.agent.backups.s3'),
    'botocore': ('nimbus.image.stores.s3', 'nimbus.volume.agent.backups.s3'),
    'libvirt': ('nimbus.compute.agent.libvirt',),
    'pyroute2': ('nimbus.network.agent',),
    'ovsdbapp': ('nimbus.network.agent',),
    'webob': ('nimbus.api',),
    'websockify': ('nimbus.console',),
    'eventlet': ('nimbus.cmd',),
}
# A host holds no database: an agent sees no model, no noun and no SQL.
AGENT_DOORS = ('nimbus.common', 'nimbus.{room}.agent', 'nimbus.{room}.rpc', 'nimbus.{room}.guest')
AGENT_FORBIDDEN = ('sqlalchemy', 'nimbus.common.database.db', 'nimbus.common.jobs', 'nimbus.common.quotas')


def imports(path: pathlib.Path) -> Iterator[str]:
    """Every module a file imports, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f'{node.module}.{name.name}' for name in node.names)


def within(name: str, room: str) -> bool:
    """Whether a dotted name is the room or in it."""
    return (name + '.').startswith(room + '.')


def modules() -> Iterator[tuple[str, pathlib.Path]]:
    """Every module of nimbus and its file."""
    for path in sorted((ROOT / 'nimbus').rglob('*.py')):
        yield '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__'), path


def test_no_room_opens_a_door_that_is_not_its_own():
    bad = []
    for me, path in modules():
        for name in imports(path):
            for room, doors in FORBIDDEN.items():
                if within(me, room) and any(within(name, door) for door in doors):
                    bad.append(f'{me} imports {name}')
    assert bad == []


def test_a_library_with_a_room_of_its_own_stays_in_it():
    bad = [
        f'{me} imports {name}'
        for me, path in modules()
        for name in imports(path)
        if (rooms := ONLY_IN.get(name.split('.')[0])) and not any(within(me, room) for room in rooms)
    ]
    assert bad == []


def test_rows_are_mapped_to_no_objects():
    bad = [f'{me} imports {name}' for me, path in modules() for name in imports(path) if within(name, 'sqlalchemy.orm')]
    assert bad == [], 'SQLAlchemy Core alone: see doc/decisions/0013-tables-without-mappers.md'


def test_another_services_models_are_never_touched():
    bad = [
        f'{me} imports {name}'
        for me, path in modules()
        for name in imports(path)
        for room in ROOMS
        if name.startswith(f'{room}.models') and not within(me, room) and not within(me, 'nimbus.cmd')
        if not within(me, 'nimbus.migrations')
    ]
    assert bad == []


def test_an_agent_reaches_the_cloud_through_its_desk_only():
    bad = []
    for me, path in modules():
        room = next((r for r in SERVICES if within(me, f'nimbus.{r}.agent')), None)
        if not room:
            continue
        doors = [door.format(room=room) for door in AGENT_DOORS]
        for name in imports(path):
            foreign = name.startswith('nimbus.') and not any(within(name, door) for door in doors)
            if foreign or any(within(name, door) for door in AGENT_FORBIDDEN):
                bad.append(f'{me} imports {name}')
    assert bad == []
