"""Costly requests wait in line and leave threads to the others."""

import http.client
import threading

import pytest

from nimbus.cmd import serving


class Door:
    """An application whose costly requests stay until they are let out."""

    def __init__(self):
        self.open, self.inside, self.most, self._guard = threading.Event(), 0, 0, threading.Lock()

    def __call__(self, environ, start_response):
        if environ['PATH_INFO'] == '/costly':
            with self._guard:
                self.inside += 1
                self.most = max(self.most, self.inside)
            self.open.wait(30)
            with self._guard:
                self.inside -= 1
        start_response('200 OK', [('Content-Length', '2')])
        return [b'ok']


@pytest.fixture
def served(monkeypatch):
    """A door behind four threads, and its port."""
    monkeypatch.setattr(serving, 'IN_LINE', 4)
    door, ready = Door(), threading.Event()
    told = []

    def run():
        server = serving.Server(4)
        told.append(server)
        told.append(server.add('127.0.0.1', 0, door, lambda environ: environ['PATH_INFO'] == '/costly'))
        server.run(ready.set)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    yield door, told[1]
    door.open.set()
    told[0].stop()
    thread.join(10)


def ask(port, path, answers=None):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    connection.request('GET', path)
    status = connection.getresponse().status
    connection.close()
    if answers is not None:
        answers.append(status)
    return status


def test_costly_requests_leave_threads_to_the_others(served):
    door, port = served
    answers = []
    threads = [threading.Thread(target=ask, args=(port, '/costly', answers)) for _ in range(10)]
    [thread.start() for thread in threads]
    while answers.count(503) < 4:  # two at work, four in line, and four too many
        assert ask(port, '/other') == 200
    assert door.most == 2
    door.open.set()
    [thread.join(30) for thread in threads]
    assert sorted(answers) == [200] * 6 + [503] * 4
    assert door.most == 2
    assert ask(port, '/costly') == 200
