"""RPC contracts: a daemon's interface is a class, and both ends use that class.

The methods of a Contract have signatures and docstrings but no bodies.  A
server subclasses it; `Client` gives callers an object with the same methods.
Values are plain JSON.  A missing method fails at start, wrong arguments at
the caller.
"""

import functools
import inspect
import json
import logging
import math
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
import oslo_messaging
from oslo_config import cfg

from nimbus.common import context, errors, log, retries, turns, workers

LOG = logging.getLogger(__name__)
TRACE = logging.getLogger('nimbus.trace')  # at DEBUG, a line for each message sent: who is asked for what
F = TypeVar('F', bound=Callable[..., Any])
EXCHANGE = 'nimbus'
FIRST_TIMEOUT = 1.0  # seconds; an answer takes milliseconds, also on a busy host
# RabbitMQ closes the channel on a message that is larger than it takes: 16 MiB as version 4 comes.  Every bus is held
# to that, less some room for what wraps a message, so that a cloud works on all or on none.
LARGEST = 16 * 1024**2 - 256 * 1024
AWAY: set[type[Exception]] = {oslo_messaging.MessageDeliveryFailure, oslo_messaging.MessageUndeliverable}
ALLOWED = ('nimbus.common.errors',)
# A pooled connection whose broker was restarted is opened again once; a broker that is away is reported at once,
# for a nudge is not worth waiting for and who calls knows better when to ask again.
RETRY = 1
# What of oslo.messaging's RabbitMQ driver is better otherwise; [oslo_messaging_rabbit] of nimbus.conf still decides.
RABBIT = {
    'heartbeat_timeout_threshold': 20,  # a broker that vanished without a word is noticed in 20 s, not in 60
    'kombu_reconnect_delay': 0.1,  # the driver sleeps this long before each try, beside the interval below
    'rabbit_retry_backoff': 1,  # from 1 s slowly up to 5 s between tries: after a long outage the consumers must be
    'rabbit_interval_max': 5,  # back within seconds, for until then every call to them waits
    'kombu_missing_consumer_retry_timeout': 10,  # a dead caller's answer would keep a worker thread for a minute
    'rabbit_transient_queues_ttl': 120,  # answer queues of dead processes go away
    # Messages wait in the queue, where another server of the topic takes them and a kill does not lose them; the
    # default hands every one of them to the first consumer.
    'rabbit_qos_prefetch_count': 32,
    # Queues stay transient and unreplicated: no message matters, since the database has what it is about, and
    # consumers declare their queues again when they are back.
    'rabbit_quorum_queue': False,
}


def call(timeout: float = 60) -> Callable[[F], F]:
    """Mark a contract method as a call: the caller waits for its answer."""
    return functools.partial(_mark, how='call', timeout=timeout)


def cast(method: F) -> F:
    """Mark a contract method as a cast: the caller waits for no answer."""
    return _mark(method, how='cast', timeout=None)


def _mark(method: F, how: str, timeout: float | None) -> F:
    method.rpc = how, timeout, inspect.signature(method)  # type: ignore[attr-defined]
    return method


class Contract:
    """Base of every daemon's interface."""

    topic: str
    version = '1.0'

    @classmethod
    def verbs(cls) -> dict[str, Any]:
        """The marked methods by name, those of parent contracts included."""
        return {
            name: method
            for base in reversed(cls.__mro__)
            for name, method in vars(base).items()
            if hasattr(method, 'rpc')
        }


def contract_of(server: Contract) -> type[Contract]:
    """The contract that a server's class fulfils: the nearest parent that names the topic itself."""
    for base in type(server).__mro__:
        if 'topic' in vars(base):
            return base
    raise TypeError(f'{type(server).__name__} is not built on a contract that names its topic')


def transport(url: str, conf: cfg.ConfigOpts | None = None) -> Any:
    """A way onto the bus at `url`: `inproc:///NAME` within a process, `rabbit://...` between daemons."""
    conf = conf if conf is not None else cfg.CONF
    _set_up(url)
    return oslo_messaging.get_rpc_transport(conf, url=url, allowed_remote_exmods=list(ALLOWED))


def notification_transport(url: str, conf: cfg.ConfigOpts | None = None) -> Any:
    """A way to publish notifications, and to listen to them, on the bus at `url`."""
    _set_up(url)
    return oslo_messaging.get_notification_transport(conf if conf is not None else cfg.CONF, url=url)


def _set_up(url: str) -> None:
    oslo_messaging.set_transport_defaults(control_exchange=EXCHANGE)
    if url.startswith('rabbit'):
        from oslo_messaging._drivers import impl_rabbit  # kombu and amqp cost memory that one process does not need

        AWAY.add(impl_rabbit.kombu.exceptions.OperationalError)  # a first connection's failure comes as it is
        cfg.set_defaults(impl_rabbit.rabbit_opts, **RABBIT)


class Timeouts:
    """How long calls wait for a server that may not listen yet: a moment, doubled each time, until one answers.

    A message that is sent before its server has a queue is lost, and so are those in the hands of one that
    dies; waiting a verb's whole timeout for their answers would be idle.
    """

    def __init__(self, first: float = FIRST_TIMEOUT) -> None:
        self._first, self._most = first, first

    def of(self, timeout: float) -> float:
        """Seconds that a call waits which may take `timeout`."""
        return min(timeout, self._most)

    def heard(self) -> None:
        """The server answers, so calls may take what they take."""
        self._most = math.inf

    def unheard(self, seconds: float) -> None:
        """No answer came in so many seconds; calls that waited side by side count once."""
        if math.isinf(self._most):
            self._most = self._first
        elif seconds >= self._most:
            self._most *= 2


class Client:
    """Speaks a contract to one host, or to whichever server takes the message.

    Raises Unavailable when nobody answers in time, TooLarge for what no broker carries, and whatever kind of error
    the server raised.
    """

    def __init__(
        self,
        bus: Any,
        contract: type[Contract],
        asker: context.Context | None = None,
        host: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """`timeouts` is for who asks again anyway until an answer comes, of verbs that may run twice."""
        target = oslo_messaging.Target(topic=contract.topic, version=contract.version)
        self._client = oslo_messaging.get_rpc_client(bus, target, retry=RETRY)
        self._contract, self._asker, self._host = contract, asker or context.internal(), host
        self._timeouts = timeouts

    def on(self, host: str, asker: context.Context | None = None) -> 'Client':
        """The same contract spoken to `host`, as `asker`."""
        other = object.__new__(Client)
        other._client, other._contract, other._timeouts = self._client, self._contract, self._timeouts
        other._asker, other._host = asker or self._asker, host
        return other

    def __getattr__(self, name: str) -> Callable[..., Any]:
        verbs = self._contract.verbs()
        if name not in verbs:
            raise AttributeError(f'{self._contract.__name__} has no verb {name}')
        how, timeout, signature = verbs[name].rpc

        def send(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(None, self._asker, *args, **kwargs).arguments
            named = dict(list(bound.items())[2:])
            seconds = self._timeouts.of(timeout) if self._timeouts and timeout else timeout
            prepared = self._client.prepare(server=self._host, timeout=seconds)
            _check_size(named, f'The order {name} to the {self._contract.topic} service')
            TRACE.debug('%s %s %s', how, self._address(), name)
            try:
                with turns.waiting():
                    answer = getattr(prepared, how)(self._asker.to_dict(), name, **named)
            except oslo_messaging.MessagingTimeout as why:
                if self._timeouts:
                    self._timeouts.unheard(seconds)
                raise self._away(f'did not answer {name} in {seconds:g} seconds.') from why
            except tuple(AWAY) as why:
                raise self._away('cannot be reached over the message bus.') from why
            except errors.NimbusError as why:
                self._heard(how)
                raise _plain(why) from None
            self._heard(how)
            return answer

        return send

    def _heard(self, how: str) -> None:
        if self._timeouts and how == 'call':
            self._timeouts.heard()

    def _address(self) -> str:
        return f'{self._contract.topic}.{self._host}' if self._host else self._contract.topic

    def _away(self, what: str) -> errors.Unavailable:
        """That the server does not serve; only operators read of which host."""
        if not self._host:
            return errors.Unavailable(f'The {self._contract.topic} service {what}')
        return errors.Unavailable(
            f'The {self._contract.topic} service of one host {what}',
            inside=f'{self._contract.topic} on host {self._host} {what}',
        )


def _check_size(values: dict[str, Any], what: str) -> None:
    """Nothing, when a message of the values is one that every broker takes.  Raises TooLarge, naming the largest."""
    if (size := _size(values)) > LARGEST:
        largest = max(values, key=lambda name: _size(values[name]))
        raise errors.TooLarge(
            f'{what} has {size} bytes, most of them in {largest}; a message may have {LARGEST} bytes.'
        )


def _size(value: Any) -> int:
    """Bytes of the value in a message: brokers carry JSON within JSON, where quotes and backslashes count twice."""
    quick = len(orjson.dumps(value, default=str))
    if quick < LARGEST // 4:  # escapes and nesting make at most four bytes of one
        return quick
    text = json.dumps(value, default=str)
    return len(text) + text.count('"') + text.count('\\')


def _plain(why: errors.NimbusError) -> errors.NimbusError:
    """The error as its server raised it: brokers hide its kind and add the traceback to its text."""
    kind = next(base for base in type(why).__mro__ if base.__module__ == errors.__name__)
    return kind(why.sentence, **why.facts)


class _Serializer(oslo_messaging.NoOpSerializer):
    """Askers cross the bus as dicts and are contexts again on the other side."""

    def deserialize_context(self, ctxt: Any) -> context.Context:
        return context.Context.from_dict(ctxt)


class _OnlyVerbs(oslo_messaging.RPCAccessPolicyBase):
    """Callers reach the verbs of the contract; what else the server's class can do is its own business."""

    def is_allowed(self, endpoint: Any, method: str) -> bool:
        """Whether the method is a verb."""
        return method in endpoint.verbs()


class _Dispatcher(oslo_messaging.RPCDispatcher):
    """A verb that lost its transaction is run again; domain errors are not logged as the server's own failure.

    An answer too large for a broker is an error at the caller, which would wait for it in vain.
    """

    def dispatch(self, incoming: Any) -> Any:
        with log.about(incoming.ctxt.get('request_id', '-')):
            try:
                answer = retries.with_retries(functools.partial(super().dispatch, incoming))
                _check_size({'it': answer}, f'The answer to {incoming.message.get("method")}')
                return answer
            except errors.NimbusError as why:
                raise oslo_messaging.ExpectedException() from why


def serve(bus: Any, server: Contract, host: str, threads: int = 16) -> Any:
    """A started RPC server that answers the contract's topic, and `TOPIC.host`; stop it with stop() and wait().

    Raises TypeError when the server lacks a verb of its contract.
    """
    contract = contract_of(server)
    missing = [name for name, verb in contract.verbs().items() if getattr(type(server), name, verb) is verb]
    if missing:
        raise TypeError(f'{type(server).__name__} lacks {", ".join(missing)}')
    server.target = oslo_messaging.Target(version=contract.version)  # type: ignore[attr-defined]
    target = oslo_messaging.Target(topic=contract.topic, server=host)
    dispatcher = _Dispatcher([server], _Serializer(), _OnlyVerbs)
    listener = oslo_messaging.rpc.server.RPCServer(bus, target, dispatcher, 'threading')
    listener._executor_cls = workers.Executor  # there is no option for it
    listener.start(override_pool_size=threads)
    return listener


def nudge(bus: Any, topic: str, host: str | None = None) -> None:
    """A server of the topic is nudged to look for work at once; contracts that want it have a cast `nudge`."""
    target = oslo_messaging.Target(topic=topic, version=Contract.version)
    TRACE.debug('cast %s nudge', f'{topic}.{host}' if host else topic)
    client = oslo_messaging.get_rpc_client(bus, target, retry=RETRY)
    client.prepare(server=host).cast({}, 'nudge')
