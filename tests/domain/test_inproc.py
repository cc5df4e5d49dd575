"""The bus within one process."""

import pytest

from nimbus.common import context, errors, rpc


class Echo(rpc.Contract):
    topic = 'echo'

    @rpc.call(timeout=1)
    def say(self, context: context.Context, word: str) -> str:
        """The word itself."""

    @rpc.cast
    def note(self, context: context.Context, word: str) -> None:
        """The word is kept."""


class EchoServer(Echo):
    def __init__(self):
        self.kept = []

    def say(self, context, word):
        if word == 'nothing':
            raise errors.NotFound('There is nothing.')
        return f'{word} from {context.user_id}'

    def note(self, context, word):
        self.kept.append(word)


@pytest.fixture
def bus():
    return rpc.transport('inproc:///test')


@pytest.fixture
def server(bus):
    made = EchoServer()
    listener = rpc.serve(bus, made, 'h1')
    yield made
    listener.stop()
    listener.wait()


def test_a_call_is_answered_as_the_asker_asked_it(bus, server):
    client = rpc.Client(bus, Echo, context.Context(user_id='u'), host='h1')
    assert client.say('hello') == 'hello from u'


def test_a_kind_of_error_comes_back_as_itself(bus, server):
    with pytest.raises(errors.NotFound, match='There is nothing'):
        rpc.Client(bus, Echo).say('nothing')


def test_nobody_there_is_unavailable_and_says_who(bus):
    with pytest.raises(errors.Unavailable, match='echo on host h9 did not answer say in 1 seconds'):
        rpc.Client(bus, Echo, host='h9').say('hello')


def test_wrong_arguments_fail_at_the_caller(bus, server):
    with pytest.raises(TypeError):
        rpc.Client(bus, Echo).say('one', 'two')


def test_a_server_that_lacks_a_verb_does_not_start(bus):
    class Half(Echo):
        def say(self, context, word):
            return word

    with pytest.raises(TypeError, match='Half lacks note'):
        rpc.serve(bus, Half(), 'h1')


def test_a_stopped_server_lets_its_process_end(bus):
    listener = rpc.serve(bus, EchoServer(), 'h1')
    listener.stop()
    listener.wait()
