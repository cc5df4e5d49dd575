"""Nudges that are sent aside."""

import threading

from nimbus.common.wakeups import Wakeups
from tests.bus_suite import wait_for


def test_who_rings_waits_for_nobody_and_many_rings_are_one():
    told, may = [], threading.Event()

    def send(topic):
        told.append(topic)
        may.wait(10)

    wakeups = Wakeups(send)
    for topic in ('conductor', 'conductor', 'network.h1', 'conductor', 'network.h1'):
        wakeups.wake(topic)
    assert wait_for(lambda: told == ['conductor'])
    may.set()
    assert wait_for(lambda: told.count('network.h1') == 1 and len(told) in (2, 3))
    assert wait_for(lambda: not any(thread.name == 'wakeups' for thread in threading.enumerate()))
    wakeups.wake('conductor')
    assert wait_for(lambda: told[-1] == 'conductor')
