"""Turns at computing: few at a time, given back around waits, and never kept for long."""

import threading
import time

import pytest

from nimbus.common import turns
from nimbus.common.turns import Turns

LONG = 60.0


class Thread:
    """A thread that has asked for a turn, and does what it is told when it has one."""

    def __init__(self, of, work):
        self.begun, self.work, self.mine = threading.Event(), work, None
        self._turn = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(of,), daemon=True)
        self.thread.start()

    def _run(self, of):
        self.mine = turns.enrol(of)
        of.ask(self._begin)
        assert self._turn.wait(10)
        self.begun.set()
        try:
            self.work()
        finally:
            self.mine.give_back()

    def _begin(self, turn):
        self.mine.turn = turn
        self._turn.set()


@pytest.fixture
def go():
    made = threading.Event()
    yield made
    made.set()


def waits_for(event):
    return lambda: event.wait(10)


def test_no_more_than_so_many_compute_at_once(go):
    of = Turns(2, LONG)
    first = [Thread(of, waits_for(go)) for _ in range(2)]
    assert all(one.begun.wait(10) for one in first)
    third = Thread(of, waits_for(go))
    assert not third.begun.wait(0.05) and of.are_awaited()
    go.set()
    assert third.begun.wait(10)


def test_who_waits_lets_another_in_and_has_its_turn_again_before_who_has_not_begun(go):
    of, seen, halfway, on = Turns(1, LONG), [], threading.Event(), threading.Event()

    def waits():
        with turns.waiting():
            halfway.wait(10)
        seen.append('first again')

    first = Thread(of, waits)
    assert first.begun.wait(10)
    second = Thread(of, waits_for(on))
    assert second.begun.wait(10), 'the first has given its turn back'
    third = Thread(of, lambda: seen.append('third'))
    assert not third.begun.wait(0.05)
    halfway.set()
    assert not third.begun.wait(0.05)
    on.set()
    for one in (first, second, third):
        one.thread.join(10)
    assert seen == ['first again', 'third']


def test_a_thread_that_has_no_turn_waits_as_ever():
    with turns.waiting():
        pass
    turns.give_back()
    assert turns.apart(divmod)(7, 2) == (3, 1)


def test_the_turn_of_who_waits_unseen_lapses(go):
    of = Turns(1, 0.02)
    first = Thread(of, waits_for(go))
    assert first.begun.wait(10)
    second = Thread(of, waits_for(go))
    assert second.begun.wait(10)
    go.set()
    first.thread.join(10)
    second.thread.join(10)
    began = [Thread(of, time.monotonic) for _ in range(5)]
    assert all(one.begun.wait(10) for one in began), 'turns that lapsed are not given back twice'


def test_a_turn_comes_back_after_an_error():
    of = Turns(1, LONG)

    def fails():
        with pytest.raises(ValueError), turns.waiting():
            raise ValueError

    failed = Thread(of, fails)
    failed.thread.join(10)
    after = Thread(of, time.monotonic)
    assert after.begun.wait(10)
