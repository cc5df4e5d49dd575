"""Runs a RabbitMQ of the cloud's own, on loopback, with its own users and virtual host."""

import base64
import hashlib
import json
import os
import pathlib
import shutil

import amqp

from devstack.place import Place, write_private
from devstack.processes import Registry
from devstack.progress import say

VHOST = 'nimbus'
SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'
CONTROL = 'nimbus'


def agent(place: Place) -> str:
    """The name of the user as whom this host's agents speak."""
    return f'nimbus-{place.host}'


def url(place: Place, user: str) -> str:
    """How `user` reaches the broker, for transport_url."""
    return f'rabbit://{user}:{place.secret(f"rabbitmq-{user}")}@127.0.0.1:{place.port("rabbitmq")}/{VHOST}'


def up(place: Place, registry: Registry) -> None:
    """The broker answers its users."""
    if registry.get('rabbitmq') and _answers(place):
        return
    say('starting RabbitMQ')
    registry.stop('rabbitmq')
    folder = place.folder('rabbitmq', 0o700, 'rabbitmq')
    files = _settings(place, folder)
    if not registry.get('epmd'):
        # Erlang would leave its port mapper behind as a daemon; started here, it is stopped too.
        port = str(place.port('epmd'))
        registry.start('epmd', _as_rabbitmq(['epmd', '-address', '127.0.0.1', '-port', port]))
    registry.start('rabbitmq', _as_rabbitmq([SERVER]), files)
    registry.require('rabbitmq', lambda: _answers(place), 90)


def down(registry: Registry) -> None:
    """The broker and Erlang's port mapper are gone."""
    registry.stop('rabbitmq', timeout=20)
    registry.stop('epmd')


def _as_rabbitmq(argv: list[str]) -> list[str]:
    return ['setpriv', '--reuid=rabbitmq', '--regid=rabbitmq', '--init-groups', '--', *argv]


def _settings(place: Place, folder: pathlib.Path) -> dict[str, str]:
    """The environment that makes the server ours alone; its files stand in `folder`."""
    definitions = folder / 'definitions.json'
    write_private(definitions, json.dumps(_definitions(place), indent=1))
    conf = folder / 'rabbitmq.conf'
    conf.write_text(
        f'listeners.tcp.1 = 127.0.0.1:{place.port("rabbitmq")}\n'
        f'load_definitions = {definitions}\n'
        'loopback_users.guest = true\n'
        'vm_memory_high_watermark.relative = 0.2\n'
        'disk_free_limit.absolute = 200MB\n'
    )
    plugins = folder / 'enabled_plugins'
    plugins.write_text('[].\n')
    cookie = folder / '.erlang.cookie'
    if not cookie.exists():
        write_private(cookie, place.secret('erlang'))
    for path in (definitions, conf, plugins, cookie):
        shutil.chown(path, 'rabbitmq', 'rabbitmq')
    cookie.chmod(0o400)
    return {
        'HOME': str(folder),
        'RABBITMQ_NODENAME': f'nimbus{place.choices.port_offset}@localhost',
        'RABBITMQ_DIST_PORT': str(place.port('erlang')),
        'RABBITMQ_CONFIG_FILE': str(conf.with_suffix('')),
        'RABBITMQ_ENABLED_PLUGINS_FILE': str(plugins),
        'RABBITMQ_MNESIA_BASE': str(folder / 'data'),
        'RABBITMQ_LOG_BASE': str(folder / 'log'),
        'RABBITMQ_PID_FILE': str(folder / 'pid'),
        'RABBITMQ_CONF_ENV_FILE': '/dev/null',
        'RABBITMQ_GENERATED_CONFIG_DIR': str(folder / 'config'),
        'ERL_EPMD_PORT': str(place.port('epmd')),
        'ERL_EPMD_ADDRESS': '127.0.0.1',
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '-kernel inet_dist_use_interface {127,0,0,1}',
        # Spinning schedulers would burn a core beside guests that are emulated.
        'RABBITMQ_SERVER_ERL_ARGS': '+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2',
        'LANG': 'C.UTF-8',
    }


def _definitions(place: Place) -> dict[str, object]:
    # Loaded here alone: it brings the message bus, which a cloud in one process is not to wait for.
    from nimbus.cmd.manage.broker import agent_permission

    permissions = {CONTROL: '.*', agent(place): agent_permission(place.host)}
    return {
        'vhosts': [{'name': VHOST}],
        'users': [
            {
                'name': user,
                'password_hash': _hashed(place.secret(f'rabbitmq-{user}')),
                'hashing_algorithm': 'rabbit_password_hashing_sha256',
                'tags': '',
            }
            for user in permissions
        ],
        'permissions': [
            {'user': user, 'vhost': VHOST, 'configure': allowed, 'write': allowed, 'read': allowed}
            for user, allowed in permissions.items()
        ],
    }


def _hashed(password: str) -> str:
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _answers(place: Place) -> bool:
    connection = amqp.Connection(
        f'127.0.0.1:{place.port("rabbitmq")}',
        userid=CONTROL,
        password=place.secret(f'rabbitmq-{CONTROL}'),
        virtual_host=VHOST,
        connect_timeout=2,
        read_timeout=3,
    )
    try:
        connection.connect()
        connection.close()
    except (OSError, amqp.AMQPError):
        return False
    return True
