"""The bus within one process, reached from another: here both ends are in this one."""

import socket

import pytest

from nimbus.common import errors
from nimbus.common.messaging import bridge, inproc, rpc
from tests.bus_suite import Echo, EchoServer


@pytest.fixture
def server():
    made = EchoServer()
    listener = rpc.serve(rpc.transport('inproc:///near'), made, 'h1')
    yield made
    listener.stop()
    listener.wait()


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    bridge.serve('near', near)
    bridge.reach('far', far)
    yield near, far
    for end in (near, far):
        end.close()
    inproc.replace('far', inproc.Bus())


@pytest.fixture
def client(ends):
    return rpc.Client(rpc.transport('inproc:///far'), Echo)


def test_a_call_is_answered(client, server):
    assert client.say('hello') == 'hello from None'
    assert client.on('h1').carry('x' * 1_000_000) == 'x' * 1_000_000 + ' from None'


def test_a_kind_of_error_comes_back_as_itself(client, server):
    with pytest.raises(errors.NotFound) as caught:
        client.say('nothing')
    assert caught.type is errors.NotFound
    assert caught.value.sentence == 'There is nothing.'
    assert caught.value.facts == {'type': 'NothingNotFound', 'asked': {'word': 'nothing'}, 'at': [1, 2]}


def test_a_cast_and_a_nudge_arrive(client, server):
    client.note('one')
    rpc.nudge(rpc.transport('inproc:///far'), 'echo')
    assert client.say('after') == 'after from None'  # answered by another thread, so the two may come later
    for _ in range(1000):
        if len(server.kept) == 2:
            break
        client.say('again and again')
    assert sorted(server.kept) == ['nudge', 'one']


def test_a_call_that_nobody_hears_ends_in_time(client):
    with pytest.raises(errors.Unavailable):
        client.say('hello')


def test_a_call_after_the_other_process_has_ended_ends_in_time(client, ends):
    ends[1].shutdown(socket.SHUT_RDWR)
    with pytest.raises(errors.Unavailable):
        client.say('hello')
