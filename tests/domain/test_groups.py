"""Daemons that start and stop together."""

import threading

from nimbus.cmd.wiring import Group, Listener, stop_in_time


class Daemon:
    def __init__(self, name, told):
        self.name, self.told = name, told

    def start(self):
        self.told.append(f'+{self.name}')

    def stop(self):
        self.told.append(f'-{self.name}')


class Waiting(Daemon):
    """Stops when as many as the barrier wants do."""

    def __init__(self, barrier):
        self.barrier = barrier

    def start(self):
        pass

    def stop(self):
        self.barrier.wait(10)


class Ear(Listener):
    def __init__(self, barrier):
        self.barrier, self.settled = barrier, False

    def start(self):
        pass

    def stop(self):
        self.barrier.wait(10)

    def settle(self):
        self.settled = True


def test_a_group_stops_in_the_opposite_order():
    told = []
    group = Group(Daemon('a', told), Group(Daemon('b', told), Daemon('c', told)), Daemon('d', told))
    group.start()
    group.stop()
    assert told == ['+a', '+b', '+c', '+d', '-d', '-c', '-b', '-a']


def test_daemons_that_do_not_need_each_other_stop_at_once():
    barrier = threading.Barrier(3)
    group = Group(*(Waiting(barrier) for _ in range(3)), together=True)
    group.start()
    group.stop()
    assert not barrier.broken


def test_listeners_beside_each_other_stop_at_once_and_are_waited_for():
    barrier = threading.Barrier(3)
    told, ears = [], [Ear(barrier) for _ in range(3)]
    group = Group(Daemon('a', told), *ears, Daemon('b', told))
    group.start()
    group.stop()
    assert told == ['+a', '+b', '-b', '-a'] and not barrier.broken and all(ear.settled for ear in ears)


def test_one_that_fails_to_stop_does_not_keep_the_others(caplog):
    class Broken(Daemon):
        def stop(self):
            raise ValueError('x')

    told = []
    group = Group(Daemon('a', told), Broken('b', told))
    group.start()
    group.stop()
    assert told[-1] == '-a' and 'Broken did not stop cleanly' in caplog.text


def test_what_does_not_stop_in_time_is_not_waited_for():
    go, told = threading.Event(), []
    assert stop_in_time(lambda: told.append(1), lambda: told.append(2))
    assert not stop_in_time(lambda: go.wait(20) and None, lambda: told.append(3), seconds=0.01)
    assert told == [1, 2]
    go.set()
