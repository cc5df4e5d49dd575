"""Threads that are shared, bounded for each user, and gone when there is nothing to do."""

import threading

import pytest

from nimbus.common.workers import Executor, Threads


class Held:
    """Work that waits until it is let go, and says when it has begun."""

    def __init__(self):
        self.begun, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self, value=None):
        self.begun.release()
        assert self.go.wait(10)
        return value

    def wait_for(self, count):
        for _ in range(count):
            assert self.begun.acquire(timeout=10)


def alive():
    return [thread for thread in threading.enumerate() if thread.name == 'worker']


@pytest.fixture
def threads():
    return Threads(idle=0.05)


def test_a_call_answers_by_its_future(threads):
    pool = Executor(2, threads)
    assert pool.submit(divmod, 7, 2).result(10) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 7, 0).result(10)
    assert list(pool.map(abs, range(-50, 0))) == list(range(50, 0, -1))


def test_no_more_than_its_limit_run_at_once_and_the_rest_in_order(threads):
    pool, held, seen = Executor(2, threads), Held(), []
    first = [pool.submit(held, n) for n in range(2)]
    held.wait_for(2)
    later = [pool.submit(seen.append, n) for n in range(20)]
    assert not any(future.running() or future.done() for future in later)
    held.go.set()
    assert [future.result(10) for future in first] == [0, 1]
    pool.shutdown()
    assert sorted(seen) == list(range(20))


def test_no_one_s_work_waits_for_another_s(threads):
    busy, held = Executor(1, threads), Held()
    busy.submit(held)
    held.wait_for(1)
    assert Executor(1, threads).submit(lambda: 'done').result(10) == 'done'
    held.go.set()
    busy.shutdown()


def test_threads_are_used_again_and_gone_after_a_while():
    before, threads, held = len(alive()), Threads(idle=0.2), Held()
    pool = Executor(8, threads)
    futures = [pool.submit(held) for _ in range(8)]
    held.wait_for(8)
    held.go.set()
    [future.result(10) for future in futures]
    for _ in range(200):
        pool.submit(int).result(10)
    assert len(alive()) - before <= 8
    for thread in alive():
        thread.join(10)
    assert len(alive()) <= before
    assert pool.submit(lambda: 'again').result(10) == 'again'


def test_what_comes_just_as_a_thread_ends_is_done_too():
    threads = Threads(idle=0)
    pool = Executor(4, threads)
    assert [pool.submit(divmod, n, 2).result(10)[0] for n in range(2000)] == [n // 2 for n in range(2000)]


def test_what_was_shut_down_takes_nothing(threads):
    pool, held = Executor(1, threads), Held()
    running, waiting = pool.submit(held), pool.submit(int)
    held.wait_for(1)
    pool.shutdown(wait=False, cancel_futures=True)
    assert waiting.cancelled() and not running.done()
    with pytest.raises(RuntimeError):
        pool.submit(int)
    held.go.set()
    pool.shutdown()
    assert running.result(10) is None
