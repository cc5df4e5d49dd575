"""An oslo.messaging driver within one process: topics are thread queues, without polling.

`inproc:///NAME` is a bus of its own for each NAME, so that several clouds may
live in one process.  Messages pass through JSON, as they would on a real bus.
"""

import collections
import itertools
import queue
import threading
import time
from typing import Any

import orjson
import oslo_messaging
from oslo_messaging._drivers import base

_BUSES: dict[str, 'Bus'] = collections.defaultdict(lambda: Bus())
UNHEARD: Any = object()  # an answer: nobody listens


class Remote(Exception):
    """A failure of another process, the first argument, which is raised as it came."""


def bus(name: str) -> 'Bus':
    """The bus of that name in this process."""
    return _BUSES[name]


def replace(name: str, other: 'Bus') -> None:
    """Whoever opens the bus of that name from now on has the other."""
    _BUSES[name] = other


class Bus:
    """The queues of one bus: a shared one and one a host for each topic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, itertools.count[int]] = collections.defaultdict(itertools.count)
        self._listeners: dict[str, list[queue.SimpleQueue[Any]]] = collections.defaultdict(list)

    def listen(self, names: list[str], inbox: queue.SimpleQueue[Any]) -> None:
        """Messages to any of the names come to the inbox from now on."""
        with self._lock:
            for name in names:
                self._listeners[name].append(inbox)

    def leave(self, inbox: queue.SimpleQueue[Any]) -> None:
        """No more messages come to the inbox."""
        with self._lock:
            for inboxes in self._listeners.values():
                if inbox in inboxes:
                    inboxes.remove(inbox)

    def send(self, name: str, message: Any, everyone: bool = False) -> bool:
        """The message is with one listener of the name, or with each; False when nobody listens."""
        with self._lock:
            inboxes = list(self._listeners.get(name, ()))
        if not inboxes:
            return False
        chosen = inboxes if everyone else [inboxes[next(self._turns[name]) % len(inboxes)]]
        for inbox in chosen:
            inbox.put(message)
        return True


class Incoming(base.RpcIncomingMessage):
    """A message on its way in, and the way back for its answer."""

    def __init__(self, ctxt: dict[str, Any], message: dict[str, Any], answer: queue.SimpleQueue[Any] | None) -> None:
        super().__init__(ctxt, message)
        self._answer = answer

    def reply(self, reply: Any = None, failure: Any = None) -> None:
        if self._answer is not None:
            self._answer.put((orjson.dumps(reply), failure and failure[1]))

    def acknowledge(self) -> None:
        pass

    def requeue(self) -> None:
        pass

    def heartbeat(self) -> None:
        pass


class Listener(base.PollStyleListener):
    """Hands out what came to one inbox."""

    def __init__(self, bus: Bus, names: list[str]) -> None:
        super().__init__()
        self._bus, self._inbox, self._stopped = bus, queue.SimpleQueue[Any](), False
        bus.listen(names, self._inbox)

    def poll(self, timeout: float | None = None, batch_size: int = 1, batch_timeout: float | None = None) -> list[Any]:
        try:
            item = self._inbox.get(not self._stopped, timeout)  # once stopped, only what is there already
        except queue.Empty:
            return []
        if item is None:
            return []
        ctxt, message, answer = item
        return [Incoming(orjson.loads(ctxt), orjson.loads(message), answer)]

    def stop(self) -> None:
        self._stopped = True
        self._bus.leave(self._inbox)
        self._inbox.put(None)

    def cleanup(self) -> None:
        self._bus.leave(self._inbox)


class Driver(base.BaseDriver):
    """The driver behind `inproc://`."""

    def __init__(
        self,
        conf: Any,
        url: Any,
        default_exchange: str | None = None,
        allowed_remote_exmods: list[str] | None = None,
    ) -> None:
        super().__init__(conf, url, default_exchange, allowed_remote_exmods)
        self._bus = _BUSES[url.virtual_host or '']

    def require_features(self, requeue: bool = False) -> None:
        pass

    def send(
        self,
        target: Any,
        ctxt: dict[str, Any],
        message: dict[str, Any],
        wait_for_reply: bool | None = None,
        timeout: float | None = None,
        call_monitor_timeout: float | None = None,
        retry: int | None = None,
        transport_options: Any = None,
    ) -> Any:
        name = f'{target.topic}.{target.server}' if target.server else target.topic
        answer: queue.SimpleQueue[Any] | None = queue.SimpleQueue() if wait_for_reply else None
        item = orjson.dumps(ctxt), orjson.dumps(message), answer
        deadline = time.monotonic() + (timeout or 60)
        while True:
            sent = self._bus.send(name, item, bool(target.fanout))
            if answer is None:
                return None
            found = _await(answer, deadline, name) if sent else UNHEARD
            if found is not UNHEARD:
                return _opened(*found)
            if time.monotonic() > deadline:
                raise oslo_messaging.MessagingTimeout(f'Nobody listens on {name}.')
            time.sleep(0.05)

    def send_notification(
        self,
        target: Any,
        ctxt: dict[str, Any],
        message: dict[str, Any],
        version: float,
        retry: int | None = None,
    ) -> None:
        self._bus.send(target.topic, (orjson.dumps(ctxt), orjson.dumps(message), None))

    def listen(self, target: Any, batch_size: int, batch_timeout: float | None) -> Any:
        listener = Listener(self._bus, [target.topic, f'{target.topic}.{target.server}'])
        return base.PollStyleListenerAdapter(listener, batch_size, batch_timeout)

    def listen_for_notifications(
        self, targets_and_priorities: Any, pool: Any, batch_size: int, batch_timeout: float | None
    ) -> Any:
        listener = Listener(self._bus, [f'{target.topic}.{priority}' for target, priority in targets_and_priorities])
        return base.PollStyleListenerAdapter(listener, batch_size, batch_timeout)

    def cleanup(self) -> None:
        pass


def _await(answer: queue.SimpleQueue[Any], deadline: float, name: str) -> Any:
    """What is put into the queue.  Raises MessagingTimeout at the deadline."""
    try:
        return answer.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise oslo_messaging.MessagingTimeout(f'No answer came from {name}.') from None


def _opened(reply: bytes, failure: Any) -> Any:
    """The answer; raises the failure where it is one."""
    if isinstance(failure, Remote):
        raise failure.args[0]
    if failure:
        raise type(failure)(*failure.args, **getattr(failure, 'kwargs', {}))
    return orjson.loads(reply)
