"""Rounds are made until they are stopped, whatever becomes of one."""

import queue

import pytest

from nimbus.common import errors
from nimbus.conductor.rounds import LONGEST, Rounds, often_enough


class Looks(Rounds):
    name, warning, failure = 'looks', 'Nothing can be looked for now', 'Nothing can be looked for'


@pytest.mark.parametrize(
    'trouble, level, told',
    [(errors.Unavailable('away'), 'WARNING', 'Nothing can be looked for now: away'),
     (RuntimeError('broken'), 'ERROR', 'Nothing can be looked for')],
)  # fmt: skip
def test_a_round_that_fails_is_logged_and_the_next_is_made(caplog, trouble, level, told):
    made: queue.SimpleQueue = queue.SimpleQueue()

    def look():
        made.put(None)
        raise trouble

    looks = Looks(look, 0.01)
    looks.start()
    for _ in range(2):
        made.get(timeout=10)
    looks.stop()
    assert {(record.levelname, record.getMessage()) for record in caplog.records} == {(level, told)}


def test_without_a_pause_no_round_is_made():
    made = []
    looks = Looks(lambda: made.append(1), 0)
    looks.start()
    looks.stop()
    assert made == []


def test_what_is_old_is_looked_for_four_times_in_its_window_and_never_seldom():
    assert [often_enough(seconds) for seconds in (0, 1, 40, 86400)] == [LONGEST, 1, 10, LONGEST]
