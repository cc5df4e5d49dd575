"""The bus over a real RabbitMQ, started here: the suite of every bus, restarts, and who may read what."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

import amqp
import pytest

from devstack import place, processes, rabbitmq
from nimbus.common import context, errors
from nimbus.common.database import db
from nimbus.common.messaging import notifier, outbox, rpc
from nimbus.conductor.relay import Relay
from tests.bus_suite import BusSuite, Echo, EchoServer, server, wait_for  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason='a broker runs as a user of its own, which only root can become'),
    pytest.mark.skipif(not os.path.exists(rabbitmq.SERVER), reason='rabbitmq-server is not installed here'),
    # kombu leaves the sockets of a broker that went away to the garbage collector.
    pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning', 'ignore::ResourceWarning'),
]
VERSION_4_TAKES = 16 * 1024**2  # bytes of a message; older ones take more
OFFSET = place.TEST_OFFSETS['rabbitmq']


@pytest.fixture(scope='module')
def broker():
    """A RabbitMQ of this module's own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-', dir='/var/tmp'))
    here, registry = place.settle(folder, form='daemons', port_offset=OFFSET), processes.Registry(folder)
    rabbitmq.up(here, registry)
    control(here, 'eval', f'application:set_env(rabbit, max_message_size, {VERSION_4_TAKES}).')
    yield here, registry
    for name in registry.names():
        registry.stop(name, timeout=20)
    processes.end(registry.marked(), 5.0)
    shutil.rmtree(folder)


@pytest.fixture
def bus(broker):
    made = rpc.transport(rabbitmq.url(broker[0], rabbitmq.CONTROL))
    yield made
    made.cleanup()


class TestRabbit(BusSuite):
    """The suite on `rabbit://`."""


def control(here: place.Place, *words: str) -> str:
    """What rabbitmqctl says."""
    folder = here.state / 'rabbitmq'
    return subprocess.run(
        ['setpriv', '--reuid=rabbitmq', '--regid=rabbitmq', '--init-groups', '--',
         '/usr/lib/rabbitmq/bin/rabbitmqctl', '-q', '-n', f'nimbus{OFFSET}@localhost', *words],
        env={**os.environ, 'HOME': str(folder), 'ERL_EPMD_PORT': str(here.port('epmd')), 'LANG': 'C.UTF-8',
             'RABBITMQ_CONF_ENV_FILE': '/dev/null'},
        capture_output=True, text=True, check=True, cwd='/',
    ).stdout  # fmt: skip


def test_queues_bear_the_names_of_topics_and_hosts_on_one_topic_exchange(broker, bus, server):  # noqa: F811
    told = control(broker[0], 'list_bindings', '-p', rabbitmq.VHOST, 'source_name', 'destination_name', 'routing_key')
    rows = {tuple(line.split('\t')) for line in told.splitlines()}
    assert {('nimbus', 'echo', 'echo'), ('nimbus', 'echo.h1', 'echo.h1')} <= rows
    exchanges = control(broker[0], 'list_exchanges', '-p', rabbitmq.VHOST, 'name', 'type')
    assert 'nimbus\ttopic' in exchanges


def test_a_broker_restart_during_a_call_is_told_and_mends_itself(broker, bus):
    here, registry = broker

    class Slow(EchoServer):
        def say(self, context, word):
            time.sleep(0.5 if word == 'slow' else 0)
            return word

    listener = rpc.serve(bus, Slow(), 'h1')
    client = rpc.Client(bus, Echo, context.Context(user_id='u'), host='h1')
    assert client.say('before') == 'before'
    met: list[object] = []

    def call() -> None:
        try:
            met.append(client.say('slow'))
        except Exception as why:
            met.append(why)

    caller = threading.Thread(target=call)
    caller.start()
    time.sleep(0.1)
    rabbitmq.down(registry)
    caller.join()
    assert isinstance(met[0], errors.Unavailable) and met[0].inside.startswith('echo on host h1 '), met
    began = time.monotonic()
    with pytest.raises(errors.Unavailable) as away:
        client.say('while it is away')
    assert away.value.inside.startswith('echo on host h1 ')
    rpc_gave_up = time.monotonic() - began
    rabbitmq.up(here, registry)
    assert wait_for(lambda: answers(client), 20)
    assert rpc_gave_up < 10
    listener.stop()
    listener.wait()


def answers(client: rpc.Client) -> bool:
    """Whether the server can be called."""
    try:
        return client.say('after') == 'after'
    except errors.Unavailable:
        return False


def speak(here: place.Place, user: str) -> amqp.Connection:
    """A connection to the broker as `user`."""
    made = amqp.Connection(
        f'127.0.0.1:{here.port("rabbitmq")}',
        userid=user,
        password=here.secret(f'rabbitmq-{user}'),
        virtual_host=rabbitmq.VHOST,
    )
    made.connect()
    return made


def test_an_agent_serves_its_own_queue_and_reads_no_others(broker, bus):
    here, _ = broker
    with speak(here, rabbitmq.CONTROL) as connection:
        for queue in ('compute.other', 'conductor', 'scheduler'):
            connection.channel().queue_declare(queue, auto_delete=False)
    for queue in ('compute.other', 'conductor', 'scheduler'):
        with speak(here, rabbitmq.agent(here)) as connection, pytest.raises(amqp.AccessRefused):
            connection.channel().basic_get(queue)
        with speak(here, rabbitmq.agent(here)) as connection, pytest.raises(amqp.AccessRefused):
            connection.channel().queue_bind(queue, 'nimbus', 'desk-compute')


def test_an_agents_user_can_serve_its_host_and_speak_to_the_desk(broker, bus):
    here, _ = broker

    class Agent(Echo):
        topic = 'compute'

    class AgentServer(EchoServer, Agent):
        topic = 'compute'

    class Desk(Echo):
        topic = 'desk-compute'

    class DeskServer(EchoServer, Desk):
        topic = 'desk-compute'

    theirs = rpc.transport(rabbitmq.url(here, rabbitmq.agent(here)))
    listeners = [rpc.serve(theirs, AgentServer(), here.host), rpc.serve(bus, DeskServer(), 'c1')]
    asker = context.Context(user_id='u')
    assert rpc.Client(bus, Agent, asker, host=here.host).say('down') == 'down from u'
    assert rpc.Client(theirs, Desk, asker).say('up') == 'up from u'
    for listener in listeners:
        listener.stop()
        listener.wait()
    theirs.cleanup()


def test_a_notification_waits_at_the_broker_for_a_consumer_of_the_service_s_own_exchange(broker, database):
    here, registry = broker
    url = rabbitmq.url(here, rabbitmq.CONTROL)
    made = notifier.Notifier(url, ['messagingv2'], ['notifications'])
    relay = Relay(database, made.publish)
    database.publisher = 'h1'

    def post(number: int) -> None:
        with database.write() as tx:
            outbox.post(tx, None, 'compute', 'compute.instance.create.end', lambda: {'n': number}, host='h9')

    post(1)
    assert relay.relay() == 1
    rabbitmq.down(registry)
    post(2)
    with pytest.raises(errors.Unavailable):
        relay.relay()
    rabbitmq.up(here, registry)
    assert wait_for(lambda: published(relay, database), 20)
    with speak(here, rabbitmq.CONTROL) as connection:
        told = connection.channel().basic_get('notifications.info', no_ack=True)
    message = json.loads(json.loads(told.body)['oslo.message'])
    assert told.delivery_info['exchange'] == 'nova' and told.delivery_info['routing_key'] == 'notifications.info'
    assert (message['publisher_id'], message['event_type'], message['priority']) == (
        'compute.h9',
        'compute.instance.create.end',
        'INFO',
    )
    assert message['payload']['n'] in (1, 2) and message['_unique_id'] and message['timestamp']
    made.close()


def published(relay: Relay, database: db.Database) -> bool:
    """Whether nothing waits for the broker any more."""
    try:
        relay.relay()
    except errors.Unavailable:
        return False
    with database.read() as tx:
        return not outbox.waiting(tx, 1)
