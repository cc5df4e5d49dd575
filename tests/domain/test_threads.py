"""Threads that come with work and go without."""

import threading

import pytest

from nimbus.common import threads
from nimbus.common.threads import Pool


def test_work_is_done_side_by_side_in_at_most_so_many_threads():
    pool, together, done = Pool(3), threading.Barrier(3), threading.Semaphore(0)
    for _ in range(6):
        pool.submit(lambda: (together.wait(10), done.release()))
    assert all(done.acquire(timeout=10) for _ in range(6))
    assert len(pool._threads) == 3
    pool.shutdown()


def test_an_idle_thread_is_used_again():
    pool, seen = Pool(3), set()
    for _ in range(5):
        done = threading.Event()
        pool.submit(lambda done=done: (seen.add(threading.get_ident()), done.set()))
        assert done.wait(10)
        while not pool._idle:
            done.wait(0.001)
    assert len(seen) == len(pool._threads) == 1
    pool.shutdown()


def test_a_thread_without_work_ends(monkeypatch):
    monkeypatch.setattr(threads, 'IDLE', 0.01)
    pool, done = Pool(3), threading.Event()
    pool.submit(done.set)
    assert done.wait(10)
    while pool._threads:
        threading.Event().wait(0.01)
    done.clear()
    pool.submit(done.set)
    assert done.wait(10)
    pool.shutdown()


def test_what_was_taken_is_done_before_the_end():
    pool, go, done = Pool(1), threading.Event(), []
    pool.submit(go.wait, 10)
    for n in range(5):
        pool.submit(done.append, n)
    threading.Timer(0.05, go.set).start()
    pool.shutdown()
    assert done == [0, 1, 2, 3, 4] and not pool._threads
    with pytest.raises(RuntimeError):
        pool.submit(done.append, 5)


def test_work_that_fails_does_not_end_its_thread(caplog):
    pool, done = Pool(1), threading.Event()
    pool.submit(lambda: 1 / 0)
    pool.submit(done.set)
    assert done.wait(10)
    pool.shutdown()
    assert 'could not be worked on' in caplog.text
