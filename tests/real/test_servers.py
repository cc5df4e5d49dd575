"""The servers that a cloud of daemons stands on, started by hand for real."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import amqp
import pytest

from devstack import libvirtd, mariadb, place, postgresql, processes, rabbitmq
from nimbus.common.context import Context
from nimbus.common.messaging import rpc

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason='servers run as users of their own, which only root can become'),
]
OFFSET = place.TEST_OFFSETS['servers']
PROGRAMS = {'rabbitmq': '/usr/lib/rabbitmq/bin/rabbitmq-server', 'mariadb': 'mariadbd', 'libvirtd': 'libvirtd'}


def need(name: str) -> None:
    """Skip where the server is not installed."""
    if name in PROGRAMS and shutil.which(PROGRAMS[name], path=os.environ['PATH'] + ':/usr/sbin') is None:
        pytest.skip(f'{name} is not installed here; devstack/test run as root installs it')
    if name == 'postgresql' and not list(pathlib.Path('/usr/lib/postgresql').glob('*/bin/postgres')):
        pytest.skip('postgresql is not installed here; devstack/test run as root installs it')


@pytest.fixture
def here():
    """A place of its own and the registry of its processes, both gone afterwards."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='nimbus-', dir='/var/tmp'))
    made = place.settle(folder, form='daemons', port_offset=OFFSET)
    registry = processes.Registry(folder)
    yield made, registry
    for name in registry.names():
        registry.stop(name, timeout=20)
    processes.end(registry.marked(), 5.0)
    shutil.rmtree(folder)


@pytest.mark.parametrize('server', [mariadb, postgresql])
def test_a_database_server_keeps_its_data_over_a_kill(here, server):
    where, registry = here
    name = server.__name__.rpartition('.')[2]
    need(name)
    server.up(where, registry)
    import sqlalchemy

    engine = sqlalchemy.create_engine(server.url(where), poolclass=sqlalchemy.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text('CREATE TABLE kept (word VARCHAR(9))'))
        connection.execute(sqlalchemy.text("INSERT INTO kept VALUES ('still')"))
    first = registry.get(name)
    server.up(where, registry)
    assert registry.get(name) == first
    os.kill(first.pid, signal.SIGKILL)
    assert processes.wait_until(lambda: not first.alive(), 5)
    server.up(where, registry)
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text('SELECT word FROM kept')) == 'still'
    server.down(registry)
    assert registry.get(name) is None


def speak(where: place.Place, user: str) -> amqp.Connection:
    """A connection to the broker as `user`."""
    connection = amqp.Connection(
        f'127.0.0.1:{where.port("rabbitmq")}',
        userid=user,
        password=where.secret(f'rabbitmq-{user}'),
        virtual_host=rabbitmq.VHOST,
    )
    connection.connect()
    return connection


def test_a_hosts_agents_declare_their_own_queues_and_no_others(here):
    where, registry = here
    need('rabbitmq')
    rabbitmq.up(where, registry)
    rabbitmq.up(where, registry)
    agent = rabbitmq.agent(where)
    with speak(where, agent) as connection:
        connection.channel().queue_declare(f'compute.{where.host}')
    for queue in ('conductor', 'compute.another-host', 'scheduler'):
        with speak(where, agent) as connection, pytest.raises(amqp.AccessRefused):
            connection.channel().queue_declare(queue)
    with speak(where, rabbitmq.CONTROL) as connection:
        connection.channel().queue_declare('conductor')
    rabbitmq.down(registry)
    assert registry.marked() == []


class Here(rpc.Contract):
    """What a host's agent answers, for the test."""

    topic = 'compute'

    @rpc.call(timeout=10)
    def ask(self, context: Context, word: str) -> str:
        """The word comes back with the agent's opinion."""


class Desk(rpc.Contract):
    """What the conductor answers the agents, for the test."""

    topic = 'desk-compute'

    @rpc.call(timeout=10)
    def report(self, context: Context, word: str) -> str:
        """The word was heard."""


class HereServer(Here):
    def __init__(self, desk: rpc.Client) -> None:
        self._desk = desk

    def ask(self, context: Context, word: str) -> str:
        return self._desk.report(word)


class DeskServer(Desk):
    def report(self, context: Context, word: str) -> str:
        return f'heard {word}'


def test_an_agent_is_asked_and_asks_with_the_rights_of_its_own_user(here):
    where, registry = here
    need('rabbitmq')
    rabbitmq.up(where, registry)
    control = rpc.transport(rabbitmq.url(where, rabbitmq.CONTROL))
    agent = rpc.transport(rabbitmq.url(where, rabbitmq.agent(where)))
    servers = [rpc.serve(control, DeskServer(), 'control', threads=2)]
    servers.append(rpc.serve(agent, HereServer(rpc.Client(agent, Desk)), where.host, threads=2))
    try:
        assert rpc.Client(control, Here, host=where.host).ask('this') == 'heard this'
    finally:
        for server in servers:
            server.stop()
            server.wait()
        agent.cleanup()
        control.cleanup()
    rabbitmq.down(registry)


def mounts() -> list[str]:
    """What is mounted, but for the network namespaces of tests that run beside these."""
    return [one for one in pathlib.Path('/proc/self/mounts').read_text().splitlines() if ' nsfs ' not in one]


def test_libvirtd_serves_this_cloud_alone_and_leaves_no_mount(here):
    where, registry = here
    need('libvirtd')
    before = mounts()
    uri = libvirtd.up(where, registry)
    asked = subprocess.run(['virsh', '-q', '-c', uri, 'list', '--all'], capture_output=True, text=True)
    assert (asked.returncode, asked.stdout.strip()) == (0, '')
    assert libvirtd.up(where, registry) == uri
    for folder in (where.state, pathlib.Path('/elsewhere')):
        guest = (
            f'<domain type="qemu"><name>{folder.name}</name><memory>1024</memory><os><type>hvm</type></os><devices>'
            f'<disk type="file"><source file="{folder}/disk"/><target dev="vda"/></disk></devices></domain>'
        )
        subprocess.run(['virsh', '-q', '-c', uri, 'define', '/dev/stdin'], input=guest, text=True, check=True)
    libvirtd.forget(where.state, uri)
    asked = subprocess.run(['virsh', '-q', '-c', uri, 'list', '--all', '--name'], capture_output=True, text=True)
    assert asked.stdout.split() == ['elsewhere']
    libvirtd.down(registry)
    assert mounts() == before
    assert registry.marked() == []
