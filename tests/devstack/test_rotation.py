"""Which of the long parts run first, and which are left out when time is short."""

import os
import subprocess
import time

import pytest

from devstack import arguments, progress, rotation, suite
from devstack.arguments import REST


def git(folder, *words, when=0):
    day = f'{1_700_000_000 + when} +0000'
    told = {'GIT_AUTHOR_DATE': day, 'GIT_COMMITTER_DATE': day, 'GIT_CONFIG_GLOBAL': os.devnull}
    who = ['-c', 'user.name=a', '-c', 'user.email=a@b']
    subprocess.run(['git', '-C', str(folder), *who, *words], env={**os.environ, **told}, check=True)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository; returns what commits one file of it, so many seconds after its beginning."""
    git(tmp_path, 'init', '-q')
    monkeypatch.setattr(rotation, 'ROOT', tmp_path)
    monkeypatch.delenv(rotation.SINCE, raising=False)

    def commit(name, when):
        (tmp_path / name).write_text(str(when))
        git(tmp_path, 'add', name)
        git(tmp_path, 'commit', '-qm', name, when=when)

    return commit


def test_the_parts_of_changed_rooms_come_first_and_those_of_most_files_before_them():
    order = rotation.order(['nimbus/network/agent/rules.py', 'tests/chaos/truth.py', 'tests/drivers/netlab.py'], 4)
    assert order[0] == 'long'
    assert set(order[1:4]) == {'nodes', 'daemons', 'chaos'}
    assert sorted(order) == sorted(REST)


def test_nothing_changed_leaves_it_to_whose_turn_it_is():
    assert rotation.order([], 0) == list(REST)
    assert {rotation.order([], turn)[0] for turn in range(len(REST))} == set(REST)


@pytest.mark.parametrize(
    ('path', 'part'),
    [
        ('nimbus/identity/people/users.py', 'writes'),
        ('nimbus/compute/agent/libvirt/guests.py', 'long'),
        ('nimbus/compute/servers/servers.py', 'chaos'),
        ('README.md', 'fresh'),
        ('doc/operator-guide.md', 'nodes'),
        ('doc/words.md', None),
        ('LICENSE', None),
    ],
)
def test_the_deepest_folder_says_which_parts_show_a_file(path, part):
    assert part in rotation.parts_of(path) if part else rotation.parts_of(path) == ()


def test_what_changed_within_a_day_of_the_newest_commit_is_new(clone):
    clone('a', 0)
    clone('b', 3 * rotation.LATELY)
    clone('c', 3 * rotation.LATELY + 10)
    assert rotation.changed() == ['b', 'c']
    assert rotation.turn() == 3


def test_of_a_history_of_hours_the_last_commit_is_new(clone):
    clone('a', 0)
    clone('b', 10)
    assert rotation.changed() == ['b']


def test_who_runs_it_may_say_since_when(clone, monkeypatch):
    for when, name in enumerate('abc'):
        clone(name, when * 3 * rotation.LATELY)
    monkeypatch.setenv(rotation.SINCE, 'HEAD~2')
    assert rotation.changed() == ['b', 'c']


def test_a_clone_of_one_commit_and_no_clone_at_all_have_no_news_and_a_turn(clone, tmp_path, monkeypatch):
    clone('a', 0)
    clone('b', 10)
    shallow = tmp_path / 'shallow'
    git(tmp_path, 'clone', '-q', '--depth', '1', f'file://{tmp_path}', str(shallow))
    for folder in (shallow, tmp_path / 'nowhere'):
        monkeypatch.setattr(rotation, 'ROOT', folder)
        assert rotation.changed() == []
        assert rotation.turn() == int(time.time()) // 86400


def test_what_does_not_fit_is_passed_over_and_named(monkeypatch, capsys):
    monkeypatch.setenv(progress.BEGAN, repr(time.time() - 60))
    monkeypatch.setattr(rotation, 'changed', list)
    monkeypatch.setattr(rotation, 'SECONDS', dict.fromkeys(REST, 1) | {'chaos': 31, 'fresh': 29})
    ran = []
    monkeypatch.setattr(suite, 'run', lambda part, *_: ran.append(part))
    options = arguments.test().parse_args(['rest', '--minutes', '1'])
    options.minutes = 1.5
    assert suite.run_within(list(REST), options, suite.Done()) == ['chaos']
    assert sorted(ran) == sorted(set(REST) - {'chaos'})
    assert 'chaos takes about 31 s, and 30 s are left' in capsys.readouterr().out


def test_every_word_of_the_command_line_names_parts_or_is_refused(capsys):
    parse = arguments.test().parse_args
    assert parse(['unit', 'all', 'rest']).parts == ['unit', 'all', 'rest']
    for words in (['nonsense'], ['rest', '--minutes', 'soon']):
        with pytest.raises(SystemExit):
            parse(words)
    assert 'nonsense is no part; there are format,' in (said := capsys.readouterr().err)
    assert 'soon is no number of minutes' in said
