"""What every bus must do: the tests of a contract's two ends, which each bus's own test module imports."""

import time

import pytest

from nimbus.common import context, errors
from nimbus.common.messaging import rpc


class Echo(rpc.Contract):
    topic = 'echo'

    @rpc.call(timeout=1)
    def say(self, context: context.Context, word: str) -> str:
        """The word itself."""

    @rpc.cast
    def note(self, context: context.Context, word: str) -> None:
        """The word is kept."""

    @rpc.cast
    def nudge(self, context: context.Context) -> None:
        """The server looks."""

    @rpc.call(timeout=60)
    def carry(self, context: context.Context, word: str) -> str:
        """The word itself, however long it is."""


class EchoServer(Echo):
    def __init__(self):
        self.kept, self.lost = [], 0

    def say(self, context, word):
        if word == 'nothing':
            raise errors.NotFound('There is nothing.', type='NothingNotFound', asked={'word': word}, at=(1, 2))
        if word == 'again' and (lost := self.lost) < 2:
            self.lost = lost + 1
            raise errors.Transient('The database did not take the change; please try again.')
        return f'{word} from {context.user_id}'

    def carry(self, context, word):
        return f'{word} from {context.user_id}'

    def note(self, context, word):
        self.kept.append(word)

    def nudge(self, context):
        self.kept.append('nudge')


@pytest.fixture
def server(bus):
    made = EchoServer()
    listener = rpc.serve(bus, made, 'h1')
    yield made
    listener.stop()
    listener.wait()


class BusSuite:
    """The tests; a subclass's module has a fixture `bus`."""

    def test_a_call_is_answered_as_the_asker_asked_it(self, bus, server):
        client = rpc.Client(bus, Echo, context.Context(user_id='u'), host='h1')
        assert client.say('hello') == 'hello from u'

    def test_a_topic_is_answered_by_whichever_host_serves_it(self, bus, server):
        assert rpc.Client(bus, Echo, context.Context(user_id='u')).say('hello') == 'hello from u'

    def test_a_kind_of_error_comes_back_as_itself(self, bus, server):
        with pytest.raises(errors.NotFound) as caught:
            rpc.Client(bus, Echo).say('nothing')
        assert caught.type is errors.NotFound
        assert str(caught.value) == caught.value.sentence == 'There is nothing.'
        assert caught.value.facts == {'type': 'NothingNotFound', 'asked': {'word': 'nothing'}, 'at': [1, 2]}

    def test_a_verb_that_lost_its_transaction_is_run_again(self, bus, server):
        assert rpc.Client(bus, Echo, context.Context(user_id='u')).say('again') == 'again from u'
        assert server.lost == 2

    @pytest.mark.parametrize('letter', ['x', '"', '\\', 'é'])
    def test_what_is_too_large_for_a_broker_is_refused_with_its_size(self, bus, server, letter):
        client = rpc.Client(bus, Echo, context.Context(user_id='u'), host='h1')
        costs = {'x': 1, '"': 4, '\\': 4, 'é': 7}[letter]
        fits = letter * (rpc.LARGEST // costs - 50)
        assert client.carry(fits) == f'{fits} from u'
        with pytest.raises(errors.TooLarge, match='The order carry to the echo service has .* bytes, most .* in word'):
            client.carry(letter * (rpc.LARGEST // costs + 50))
        with pytest.raises(errors.TooLarge, match='The order note to the echo service has'):
            rpc.Client(bus, Echo).note(letter * (rpc.LARGEST // costs + 50))
        assert server.kept == []

    def test_an_answer_that_is_too_large_is_told_to_the_caller(self, bus, server):
        almost = 'x' * (rpc.LARGEST - 20)
        with pytest.raises(errors.TooLarge, match='The answer to carry has'):
            rpc.Client(bus, Echo, context.Context(user_id='u' * 40), host='h1').carry(almost)

    def test_nobody_there_is_unavailable_and_says_who(self, bus):
        with pytest.raises(errors.Unavailable) as why:
            rpc.Client(bus, Echo, host='h9').say('hello')
        assert why.value.inside == 'echo on host h9 did not answer say in 1 seconds.'
        assert why.value.sentence == 'The echo service of one host did not answer say in 1 seconds.'

    def test_who_asks_before_anybody_listens_is_told_soon_and_heard_soon(self, bus):
        client = rpc.Client(bus, Echo, context.Context(user_id='u'), host='h8', timeouts=rpc.Timeouts(0.1))
        for seconds in ('0.1', '0.2', '0.4'):
            with pytest.raises(errors.Unavailable, match=f'did not answer say in {seconds} seconds'):
                client.say('hello')

        class Slow(EchoServer):
            def say(self, context, word):
                time.sleep(0.7 if word == 'slow' else 0)
                return word

        listener = rpc.serve(bus, Slow(), 'h8')
        try:
            assert wait_for(lambda: says(client, 'hello'))
            assert client.say('slow') == 'slow'
        finally:
            listener.stop()
            listener.wait()

    def test_wrong_arguments_fail_at_the_caller(self, bus, server):
        with pytest.raises(TypeError):
            rpc.Client(bus, Echo).say('one', 'two')

    def test_a_server_that_lacks_a_verb_does_not_start(self, bus):
        class Half(Echo):
            def say(self, context, word):
                return word

        with pytest.raises(TypeError, match='Half lacks note'):
            rpc.serve(bus, Half(), 'h1')

    def test_casts_and_nudges_arrive(self, bus, server):
        rpc.Client(bus, Echo, host='h1').note('one')
        rpc.nudge(bus, 'echo')
        rpc.nudge(bus, 'echo', 'h1')
        rpc.Client(bus, Echo, host='h1').say('after')
        assert wait_for(lambda: sorted(server.kept) == ['nudge', 'nudge', 'one'])

    def test_what_is_no_verb_cannot_be_called(self, bus, server):
        class Wider(Echo):
            @rpc.call(timeout=1)
            def stop(self, context):
                """Stop everything."""

        server.stop = lambda context: 'stopped'
        with pytest.raises(Exception, match='stop'):
            rpc.Client(bus, Wider).stop()

    def test_a_stopped_server_lets_its_process_end(self, bus):
        listener = rpc.serve(bus, EchoServer(), 'h1')
        listener.stop()
        listener.wait()


def wait_for(true, seconds: float = 5.0) -> bool:
    """Whether `true()` became so; casts are not waited for by who sends them."""
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(true())


def says(client, word: str) -> bool:
    """Whether the word came back."""
    try:
        return client.say(word) == word
    except errors.Unavailable:
        return False
