"""Processes that are started, found again and stopped."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from devstack.processes import Process, Registry, end, wait_until

SLEEP = ['sleep', '300']


@pytest.fixture
def registry(tmp_path: pathlib.Path):
    made = Registry(tmp_path)
    yield made
    end(made.marked(), 2.0)
    for name in made.names():
        made.stop(name)


def reap(process: Process) -> None:
    os.waitpid(process.pid, 0)


def test_a_process_is_found_again_by_another_run(registry, tmp_path):
    started = registry.start('one', SLEEP)
    assert Registry(tmp_path).get('one') == started


def test_a_pid_that_now_belongs_to_another_process_is_not_ours(registry, tmp_path):
    started = registry.start('one', SLEEP)
    (tmp_path / 'run' / 'one').write_text(f'{started.pid} 1@{"0" * 36}\n')
    assert registry.get('one') is None
    registry.stop('one', children=False)
    assert started.alive()


def test_a_stopped_process_is_gone_with_its_children(registry):
    registry.start('one', ['sh', '-c', 'sleep 300 & setsid sleep 300 & wait'])
    assert wait_until(lambda: len(registry.marked('one')) == 3, 5)
    assert registry.stop('one')
    assert registry.marked('one') == []
    assert registry.names() == []


def test_stopping_what_does_not_run_is_fine(registry):
    assert registry.stop('never') is False


def test_one_that_ignores_the_first_word_is_killed(registry):
    registry.start('deaf', ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'])
    assert wait_until(lambda: len(registry.marked('deaf')) == 2, 5)
    assert registry.stop('deaf', timeout=0.3)
    assert registry.marked('deaf') == []


def test_another_folders_processes_are_left_alone(registry, tmp_path):
    other = Registry(tmp_path / 'other')
    survivor = other.start('one', SLEEP)
    registry.start('one', SLEEP)
    end(registry.marked(), 2.0)
    assert survivor.alive()
    other.stop('one')


def test_a_parent_killed_before_it_wrote_the_record_leaves_no_process(tmp_path):
    script = (
        'import os, pathlib, signal, sys\n'
        'from devstack import processes\n'
        'registry = processes.Registry(pathlib.Path(sys.argv[1]))\n'
        'registry._write = lambda name, process: os.kill(os.getpid(), signal.SIGKILL)\n'
        'registry.start("one", ["sleep", "300"])\n'
    )
    killed = subprocess.run([sys.executable, '-c', script, str(tmp_path)], cwd=pathlib.Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    assert wait_until(lambda: Registry(tmp_path).marked() == [], 5)


def test_one_that_dies_at_once_is_told_with_its_last_words(registry):
    registry.start('doomed', ['sh', '-c', 'echo no such luck; exit 3'])
    with pytest.raises(Exception, match=r'doomed has died(.|\n)*no such luck'):
        registry.require('doomed', lambda: False, 5)
