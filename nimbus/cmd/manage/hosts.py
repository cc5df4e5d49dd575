"""`nimbus-manage host add` and `host remove`: run on a control host, for the hosts of agents."""

import os
import secrets
import sys
from typing import Any

import oslo_messaging

from nimbus.cmd import wiring
from nimbus.cmd.manage import broker
from nimbus.common import errors
from nimbus.common.agents import services
from nimbus.compute.servers.moves import evacuations
from nimbus.scheduler import claims
from nimbus.scheduler import hosts as known
from nimbus.volume.models import Volume
from nimbus.volume.volumes import volumes

# Options that must have the control host's values on every host; written where they are not the defaults.
SHARED = (
    ('DEFAULT', 'region'),
    ('DEFAULT', 'report_interval'),
    ('DEFAULT', 'service_down_time'),
    ('service_user', 'username'),
    ('service_user', 'project'),
)


def add(conf: Any, args: Any) -> int:
    """The host has an account at the broker, and its nimbus.conf has been printed or written to the file."""
    account, permission = broker.account_of(args.name), broker.agent_permission(args.name)
    vhost = _bus(conf).virtual_host or '/'
    sections = _needed(conf, args.address)
    place = broker.Broker(vhost, args.node)
    if account in place.accounts() and not args.renew:
        raise errors.Conflict(
            f'The broker has an account {account} already, whose password nobody can read: give --renew for a new one, '
            f'which the agents of {args.name} must be configured with, or "host remove {args.name}" first.'
        )
    password = secrets.token_urlsafe(24)
    place.make(account, password, permission)
    sections['DEFAULT'] = {
        'host': args.name,
        'bus': _bus_url(conf, account, password, args.address),
        **sections['DEFAULT'],
    }
    text = _ini(args.name, sections)
    if args.output:
        handle = os.open(args.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, 'w') as file:
            os.fchmod(handle, 0o600)
            file.write(text)
    else:
        print(text, end='')
    print(
        f'The broker has the account {account}, for its own queues, the desk and replies alone. Copy '
        f'{args.output or "what was printed"} to {args.name} as /etc/nimbus/nimbus.conf, mode 0640, of root and the '
        f'group nimbus; run "nimbus-manage host check" there.',
        file=sys.stderr,
    )
    return 0


def remove(conf: Any, args: Any) -> int:
    """The host's account and its services' records are gone.  Raises Conflict for servers or volumes, unless forced."""
    account, parts = broker.account_of(args.name), wiring.make_parts(conf)
    with parts.db.read() as tx:
        left = {
            'servers': len(claims.servers_on(tx, args.name)),
            'volumes': volumes.total(tx, [Volume.host == args.name])[0],
        }
    if any(left.values()) and not args.force:
        counts = ' and '.join(f'{count} {what}' for what, count in left.items() if count)
        raise errors.Conflict(
            f'{counts} are on {args.name}: delete or move them first. --force deletes the account all the same, '
            'so that its agents can do nothing more, and the cloud keeps its records of the host.'
        )
    place = broker.Broker(_bus(conf).virtual_host or '/', args.node)
    there = account in place.accounts()
    if there:
        place.drop(account)
    gone = [] if any(left.values()) else _forget(parts.db, args.name)
    if not there and not gone:
        raise errors.NotFound(f'Neither the broker nor the database knows a host {args.name}.')
    print(f'{args.name} has no account at the broker{" any more" if there else ""}.')
    if gone:
        print(f'The cloud has forgotten its {", ".join(gone)}.')
    return 0


def _forget(database: Any, host: str) -> list[str]:
    with database.write() as tx:
        rows = services.find(tx, host=host)
        for row in rows:
            services.forget(tx, row.id)
        known.forget(tx, host)
        evacuations.forget_host(tx, host)
    return [row.binary for row in rows]


def _bus(conf: Any) -> Any:
    if not conf.bus.startswith('rabbit:'):
        raise errors.Invalid(
            f'The bus of this configuration is {conf.bus.split(":")[0]}: only rabbit has accounts for hosts. '
            'Name control.conf by --config-file where it is not in /etc/nimbus.'
        )
    return oslo_messaging.TransportURL.parse(conf, conf.bus)


def _bus_url(conf: Any, account: str, password: str, address: str | None) -> str:
    """The bus as another host reaches it, with that host's account."""
    url = _bus(conf)
    for server in url.hosts:
        server.username, server.password = account, password
        if wiring.is_loopback(server.hostname or 'localhost'):
            server.hostname = _address(conf, address)
    return str(url)


def _address(conf: Any, given: str | None) -> str:
    """The name or address by which other hosts reach this one.  Raises Invalid where no option sets one."""
    for name in (given, conf.api.public_host, conf.api.listen):
        if name and name not in ('0.0.0.0', '::') and not wiring.is_loopback(name):
            return name
    raise errors.Invalid(
        'Other hosts cannot reach this one by what it is configured with: set [api] public_host to its name or address '
        f'(and [api] listen, which is {conf.api.listen}, to 0.0.0.0), or give --address.'
    )


def _needed(conf: Any, address: str | None) -> dict[str, dict[str, str]]:
    """The options that agents need beside the bus, by section.  Raises Invalid naming those that are not set here."""
    wanted = {
        '[service_user] password': conf.service_user.password,
        '[metadata] shared_secret': conf.metadata.shared_secret,
    }
    if missing := [name for name, value in wanted.items() if not value]:
        raise errors.Invalid(
            f'{" and ".join(missing)} must be set in nimbus.conf of this host first, as agents need the same; '
            '"openssl rand -hex 24" makes one.'
        )
    here = _address(conf, address)
    host = f'[{here}]' if ':' in here else here
    identity = conf.service_user.auth_url or f'http://{host}:{wiring.port_of(conf, "identity")}/v3'
    metadata = conf.metadata.url or f'http://{host}:{wiring.port_of(conf, "metadata")}'
    made: dict[str, dict[str, str]] = {
        'DEFAULT': {},
        'service_user': {'auth_url': identity, 'password': conf.service_user.password},
        'metadata': {'url': metadata, 'shared_secret': conf.metadata.shared_secret},
    }
    for group, name in SHARED:
        section = conf if group == 'DEFAULT' else conf[group]
        if not _is_default(conf, group, name):
            made[group][name] = str(section[name])
    return made


def _is_default(conf: Any, group: str, name: str) -> bool:
    found = conf.get_location(name, None if group == 'DEFAULT' else group)
    return found is None or found.location.name in ('opt_default', 'set_default')


def _ini(host: str, sections: dict[str, dict[str, str]]) -> str:
    text = (
        f'# Made by "nimbus-manage host add {host}"; a host with guests, networks or volumes needs no more than this.\n'
        '# It holds passwords: mode 0640, of root and the group nimbus. doc/options.md has every other option.\n'
    )
    for name, values in sections.items():
        # A dollar sign would begin a substitution in this format.
        text += f'\n[{name}]\n' + ''.join(f'{key} = {value.replace("$", "$$")}\n' for key, value in values.items())
    return text
