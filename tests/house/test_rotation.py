"""Every folder is known to what chooses among the long parts of the tests."""

import configparser
import pathlib

from devstack import rotation
from devstack.arguments import CLOUDS, KNOWN, PARTS, REST, SERVERS

ROOT = pathlib.Path(__file__).resolve().parents[2]


def folders(top):
    """The folders of the top one that hold anything."""
    return {f'{top}/{path.name}' for path in (ROOT / top).iterdir() if path.is_dir() and path.name != '__pycache__'}


def test_every_folder_says_which_parts_show_it():
    there = folders('nimbus') | folders('tests') | {'nimbus', 'devstack', 'tests'}
    assert {folder for folder in there if any((ROOT / folder).rglob('*.py'))} - set(rotation.ROOMS) == set()


def test_no_folder_is_named_that_is_not_there():
    assert [path for path in (*rotation.ROOMS, *rotation.FILES) if not (ROOT / path).exists()] == []


def test_the_parts_named_are_those_there_are_and_each_is_named():
    named = {part for parts in (*rotation.ROOMS.values(), *rotation.FILES.values()) for part in parts}
    assert named == set(rotation.SECONDS) == set(REST)


def test_every_part_has_an_environment_or_is_made_of_some():
    tox = configparser.RawConfigParser()
    tox.read(ROOT / 'tox.ini')
    there = {name.partition(':')[2] for name in tox.sections() if name.startswith('testenv:')}
    assert set(KNOWN) - set(CLOUDS) - set(SERVERS) <= there
    assert set(PARTS) | set(REST) == set(KNOWN) and not set(PARTS) & set(REST)


def test_a_case_is_in_one_part_alone():
    """What is not long belongs to the README's command, and what is long to the rotation."""
    tox = configparser.RawConfigParser()
    tox.read(ROOT / 'tox.ini')
    one, other = (tox[f'testenv:{name}']['commands'] for name in ('kills', 'chaos'))
    assert one.replace("'real and not long'", "'real and long'") == other
    assert one_word(tox, 'real', "'real and not long'") == one_word(tox, 'long', 'long')
    assert all("'not real and not long'" in tox[f'testenv:{name}']['commands'] for name in ('unit', 'wire', 'cloud'))


def one_word(tox, part, chosen):
    """The part's command without the words that choose its tests."""
    return tox[f'testenv:{part}']['commands'].replace(f' -m {chosen} ', ' ')
