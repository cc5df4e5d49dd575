"""What a call over the in-process bus costs."""

import time

import nimbus.cmd  # noqa: F401 - chooses threads before the bus is imported
from bench import measure
from nimbus.common import context
from nimbus.common.messaging import rpc


class Echo(rpc.Contract):
    """Answers what it was sent."""

    topic = 'echo'

    @rpc.call(timeout=5)
    def say(self, context: context.Context, word: str) -> str:
        """The word itself."""


class EchoServer(Echo):
    """The other end."""

    def say(self, context: context.Context, word: str) -> str:
        return word


def main(count: int = 2000) -> None:
    """Print one line."""
    bus = rpc.transport('inproc:///bench')
    listener = rpc.serve(bus, EchoServer(), 'here')
    client = rpc.Client(bus, Echo, host='here')
    client.say('warm')
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        client.say('word')
    measure.report(
        test='in-process call',
        count=count,
        ms=round((time.perf_counter() - wall) * 1000 / count, 3),
        cpu_ms=round((time.process_time() - cpu) * 1000 / count, 3),
    )
    listener.stop()
    listener.wait()


if __name__ == '__main__':
    main()
