"""Costly requests wait in line and leave threads to the others."""

import http.client
import select
import threading
import time

import pytest

from nimbus.cmd import serving
from nimbus.cmd.serving import waiting_queue


class Door:
    """An application whose costly requests stay until they are let out."""

    def __init__(self):
        self.open, self._guard = threading.Event(), threading.Lock()
        self.inside = self.most = self.entered = 0

    def __call__(self, environ, start_response):
        if environ['PATH_INFO'] == '/costly':
            with self._guard:
                self.entered += 1
                self.inside += 1
                self.most = max(self.most, self.inside)
            self.open.wait(30)
            with self._guard:
                self.inside -= 1
        start_response('200 OK', [('Content-Length', '2')])
        return [b'ok']


@pytest.fixture(scope='module')
def server():
    """A door behind four threads, and its port; one for all tests, as the threads belong to the first hub there is."""
    door, ready = Door(), threading.Event()
    told = []

    def run():
        server = serving.Server(serving.Settings(threads=4))
        told.append(server)
        told.append(server.add('127.0.0.1', 0, door, lambda environ: environ['PATH_INFO'] == '/costly'))
        door.line = server.ports[0].line
        server.run(ready.set)

    thread = threading.Thread(target=run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting_queue, 'IN_LINE', 4)
        thread.start()
        assert ready.wait(10)
    yield door, told[1]
    told[0].stop()
    thread.join(10)


@pytest.fixture
def served(server, monkeypatch):
    """The door, shut, and its port; who is refused is told so soon."""
    monkeypatch.setattr(waiting_queue, 'HOLD', 0.2)
    server[0].open.clear()
    server[0].most = server[0].entered = 0
    yield server
    server[0].open.set()


def fill(door, port):
    """The connections and threads of six costly requests: two at work, four in line."""
    threads = [threading.Thread(target=ask, args=(port, '/costly')) for _ in range(2)]
    [thread.start() for thread in threads]
    waiting = []
    while door.inside < 2:
        ask(port, '/other')
    for _ in range(4):
        waiting.append(http.client.HTTPConnection('127.0.0.1', port, timeout=30))
        waiting[-1].request('GET', '/costly')
    while door.line._inside < 6:
        ask(port, '/other')
    return threads, waiting


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


def test_who_is_refused_is_held_for_a_while_and_told_to_wait(served, monkeypatch):
    monkeypatch.setattr(waiting_queue, 'HOLD', 2)
    door, port = served
    threads, waiting = fill(door, port)
    began = time.monotonic()
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    connection.request('GET', '/costly')
    assert ask(port, '/other') == 200  # nobody else is held
    assert not select.select([connection.sock], [], [], 0)[0]
    answer = connection.getresponse()
    assert (answer.status, answer.headers['Retry-After']) == (503, '2')
    answer.read()
    assert time.monotonic() - began >= 2
    connection.close()
    door.open.set()
    [thread.join(30) for thread in threads]
    assert [(one.getresponse().read(), one.close())[0] for one in waiting] == [b'ok'] * 4


def test_who_went_away_while_waiting_is_not_worked_for(served):
    door, port = served
    threads, waiting = fill(door, port)
    for connection in waiting:
        connection.close()
    door.open.set()
    [thread.join(30) for thread in threads]
    assert ask(port, '/costly') == 200
    assert door.entered == 3
