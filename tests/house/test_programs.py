"""Every program that is started by name comes with the packages of the form that starts it.

On a machine where everything is installed nothing else would show that a package stands in another form's list.
"""

import ast
import functools
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from devstack import packages
from tests.house import source

# Who starts programs, and the groups of packages that are there when they do; the first that fits counts.
FORMS = {
    'devstack/packages.py': [],
    'devstack/rotation.py': ['base', 'fresh'],
    'devstack/roots.py': ['base', 'fresh'],
    'devstack/boxes.py': ['base', 'fresh'],
    'devstack/nodes': ['base', 'fresh'],
    'devstack/hosts.py': ['base', 'fresh'],
    'devstack/rabbitmq.py': ['python', 'base', 'guest', 'daemons'],
    'devstack/mariadb.py': ['python', 'base', 'guest', 'daemons', 'mariadb'],
    'devstack/postgresql.py': ['python', 'base', 'guest', 'daemons', 'postgresql'],
    'devstack/': ['python', 'base', 'guest'],
    'nimbus/compute/agent/': ['python', 'base', 'guest'],
    'nimbus/network/agent/': ['python', 'base', 'guest'],
    'nimbus/volume/agent/': ['python', 'base', 'guest'],
    'nimbus/image/': ['python', 'base', 'guest'],
}
# What is called with a program's name first, beside lists that begin with one.
RUNNERS = re.compile(r'(^|\.)(_?run|_words|_virsh|Tables|_program|which|start)$')
# Words that begin such a list and name no program, or one that is looked for first and done without where it is not.
OTHERS = {'python', 'python3', 'service', 'systemd', 'arch', 'seq', 'size', 'true', 'false', 'file', 'kvm', 'convert'}
SPARED = {'systemctl', 'modprobe'}
IN_ROOTS = {'/sbin/init', 'update-ca-certificates'}  # started in a root that was made with them
PATH = f'{os.environ.get("PATH", "")}:/usr/sbin:/sbin:/usr/lib/rabbitmq/bin'


@functools.cache
def installed() -> dict[str, tuple[str, bool]]:
    """What each installed package depends on, and whether every Debian has it."""
    fields = '${Package}\t${db:Status-Status}\t${Essential}\t${Priority}\t${Pre-Depends}, ${Depends}\n'
    asked = subprocess.run(['dpkg-query', '-W', '-f', fields], capture_output=True, text=True, check=True)
    rows = [line.split('\t') for line in asked.stdout.splitlines()]
    return {row[0]: (row[4], row[2] == 'yes' or row[3] == 'required') for row in rows if row[1] == 'installed'}


def closure(wanted: list[str]) -> set[str]:
    """The packages of `wanted`, what they depend on, and what every Debian has."""
    there = installed()
    found: set[str] = set()
    ahead = [*wanted, *(name for name, (_, always) in there.items() if always)]
    while ahead:
        name = ahead.pop()
        if name in found or name not in there:
            continue
        found.add(name)
        for needed in there[name][0].split(','):
            choices = [re.split(r'[ :(]', choice.strip())[0] for choice in needed.split('|')]
            ahead += [choice for choice in choices if choice in there][:1]
    return found


def started(path: pathlib.Path) -> set[str]:
    """The names of programs that a file starts."""
    words = set()
    for node in ast.walk(source.tree(path)):
        first = None
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            first = node.elts[0]
        elif isinstance(node, ast.Call) and node.args and RUNNERS.search(ast.unparse(node.func)):
            first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            words.add(first.value)
    return {word for word in words if word not in OTHERS | SPARED | IN_ROOTS and shutil.which(word, path=PATH)}


@functools.cache
def owner(program: str) -> str:
    """The package that a program belongs to, empty for none."""
    found = pathlib.Path(shutil.which(program, path=PATH) or program).resolve()
    # Where /usr is merged, packages may say /bin and mean the same.
    for path in (found, pathlib.Path('/', *found.parts[2:])):
        asked = subprocess.run(['dpkg-query', '-S', str(path)], capture_output=True, text=True)
        if asked.returncode == 0:
            return asked.stdout.partition(':')[0].split(',')[0]
    return ''


def form_of(path: pathlib.Path) -> list[str] | None:
    """The groups of packages that are there when a file's programs are started; None when it starts none."""
    name = source.name_of(path)
    return next((groups for start, groups in FORMS.items() if name.startswith(start)), None)


@pytest.fixture(autouse=True)
def everything_is_installed():
    if shutil.which('dpkg-query') is None:
        pytest.skip('this is no Debian, so nothing says which package a program is of')
    groups = list(dict.fromkeys(group for form in FORMS.values() for group in form))
    if left := packages.missing(packages.wanted(groups)):
        pytest.skip(f'devstack/test run as root installs what is missing here: {", ".join(left)}')


def test_every_program_comes_with_the_packages_of_its_form():
    bad = []
    for path in source.python('devstack', 'nimbus'):
        if (groups := form_of(path)) is None:
            continue
        there = closure(packages.wanted(groups))
        bad += [
            f'{source.name_of(path)} starts {program} of {owner(program)}, which none of {groups} brings'
            for program in sorted(started(path))
            if owner(program) not in there
        ]
    assert not bad, '\n'.join(bad)


def test_a_program_of_another_form_would_be_found():
    with_server, without = (closure(packages.wanted(groups)) for groups in (['base', 'mariadb'], ['base']))
    assert owner('mariadbd') in with_server and owner('mariadbd') not in without
    assert {'virsh', 'ip', 'ovs-vsctl', 'ssh-keygen'} <= {
        program for path in source.python('devstack', 'nimbus') if form_of(path) for program in started(path)
    }
