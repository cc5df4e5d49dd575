"""Rooms are small, and imports within a service run down the floors that doc/house.md draws."""

import ast
import functools
import re
from collections import Counter

from tests.house.test_doors import ROOT, imports, modules

MOST = 20  # modules in a folder
PATHS = dict(modules())
DRAWN = re.search(r'### Floors.*?```\n(.*?)```', (ROOT / 'doc/house.md').read_text(), re.S)


def drawing() -> dict[str, list[list[str]]]:
    """The floors of each package that the document draws, the highest first."""
    assert DRAWN
    blocks = re.findall(r'^(\S+)/\n((?: .*\n)+)', DRAWN[1], re.M)
    return {
        'nimbus.' + package.replace('/', '.'): [re.findall(r'\w+', floor) for floor in floors.splitlines()]
        for package, floors in blocks
    }


@functools.cache
def arrows(me: str) -> set[str]:
    """The modules of nimbus that a module needs when it runs; what only a type checker reads is not among them."""
    tree = ast.parse(PATHS[me].read_text())
    typing = [n for n in ast.walk(tree) if isinstance(n, ast.If) and 'TYPE_CHECKING' in ast.unparse(n.test)]
    unread = {name for block in typing for name in imported(block)}
    named = {name if name in PATHS else name.rpartition('.')[0] for name in set(imports(PATHS[me])) - unread}
    return {name for name in named if name in PATHS and name != me}


def imported(block: ast.AST) -> set[str]:
    """What the statements of a block import, as dotted names."""
    froms = [node for node in ast.walk(block) if isinstance(node, ast.ImportFrom)]
    return {f'{node.module}.{name.name}' for node in froms for name in node.names}


def test_no_folder_has_more_modules_than_can_be_looked_over():
    # The migrations are one line, and grow by one file with each change of the tables.
    rooms = [path.parent for path in PATHS.values() if path.stem != '__init__' and path.parent.name != 'versions']
    sizes = Counter(rooms)
    assert {str(folder): size for folder, size in sizes.items() if size > MOST} == {}


def test_no_module_needs_one_that_needs_it():
    needs = {me: arrows(me) for me in PATHS}
    while bottom := [me for me, others in needs.items() if not others & needs.keys()]:
        for me in bottom:
            del needs[me]
    assert sorted(needs) == []


def test_every_module_has_its_floor():
    packages = drawing()
    assert len(packages) > 10
    for package, floors in packages.items():
        there = {me[len(package) + 1 :].split('.')[0] for me in PATHS if me.startswith(package + '.')}
        drawn = [name for floor in floors for name in floor]
        assert sorted(drawn) == sorted(there), package


def test_imports_run_down():
    wrong = []
    for package, floors in drawing().items():
        height = {name: -floor for floor, names in enumerate(floors) for name in names}
        for me in PATHS:
            for other in arrows(me):
                if me.startswith(package + '.') and other.startswith(package + '.'):
                    upper, lower = (name[len(package) + 1 :].split('.')[0] for name in (me, other))
                    if upper != lower and height[upper] <= height[lower]:
                        wrong.append(f'{me} imports {other}')
    assert wrong == []
