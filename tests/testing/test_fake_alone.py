"""What steers a fake cloud cannot be switched on in one that is not: nothing but `nimbus up --fake` reaches it."""

import ast
import pathlib
import re

import pytest

from nimbus.cmd import embedded
from nimbus.common import config
from tests.house import test_doors

ROOT = pathlib.Path(embedded.__file__).parents[1]
FOLDERS = ('cmd', 'cli', 'testing', 'compute/agent/fake', 'network/agent/fake', 'volume/agent/fake')


def test_nothing_but_the_cloud_of_one_process_opens_the_room():
    users = {
        me
        for me, path in test_doors.modules()
        if not me.startswith('nimbus.cmd.fake')
        for name in test_doors.imports(path)
        if name.startswith('nimbus.cmd.fake')
    }
    assert users == {'nimbus.cmd.embedded'}


@pytest.mark.parametrize('name', embedded.FOR_TESTS)
def test_no_word_of_it_is_taken_without_fake(name, capsys, tmp_path):
    words = {
        'seed': 'devstack',
        'least_time': '1',
        'port': '0',
        'ready_file': str(tmp_path / 'ready'),
        'chance_seed': '1',
    }
    word = f'--{name.replace("_", "-")}'
    with pytest.raises(SystemExit) as ended:
        embedded.main([word, *([words[name]] if name in words else [])])
    assert ended.value.code == 2 and word in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_no_option_of_a_configuration_file_switches_it_on():
    names = {opt.dest for opts in config.options().values() for opt in opts}
    assert not {'controls', 'chance_seed', 'ready_file'} & names
    assert [opt.dest for opt in config.options()['fake']] == ['least_seconds']  # of the fake drivers alone


def test_only_its_room_moves_the_clock():
    movers = set()
    for me, path in test_doors.modules():
        for node in ast.walk(ast.parse(path.read_text())):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, 'target', None)]
            if any(isinstance(one, ast.Attribute) and one.attr in ('ahead', 'ticks_ahead') for one in targets):
                movers.add(me)
    assert movers == {'nimbus.cmd.fake.clock'}


def test_nobody_else_asks_whether_a_cloud_is_fake():
    asking = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob('*.py')
        if not str(path.relative_to(ROOT)).startswith(FOLDERS)
        if re.search(r'\b(if|while|elif)\b[^#\n]*\bfake', path.read_text())
    ]
    assert asking == []
