"""Steps for a server's ports: create and bind them, wait until they are ACTIVE, release them."""

import datetime
from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import NotYet, Run
from nimbus.compute.servers import servers
from nimbus.conductor.workflows import guest_orders
from nimbus.network import notifications
from nimbus.network.ports import ports, server_ports

WIRING = datetime.timedelta(minutes=5)  # for a host to wire all of a server's ports


class Unwired(errors.NimbusError):
    """A host cannot give a server its ports; another one may."""


def make(tx: db.Tx, run: Run, spec: dict[str, Any]) -> list[str]:
    """Each network asked for has its port, bound to the server's host; their ids."""
    made = []
    for number, nic in enumerate(spec['networks']):
        to = {
            'server_id': run.subject,
            'project_id': spec['project_id'],
            'host': run.host,
            'zone': run.zone,
            'hostname': spec['hostname'],
        }
        if nic.get('port_id'):
            ports.bind(tx, run.context, nic['port_id'], **to)
            made.append(nic['port_id'])
            continue
        made.append(run.name_for('port', number))
        ports.ensure(
            tx,
            run.context,
            port_id=made[-1],
            network_id=nic['network_id'],
            fixed_ip=nic.get('fixed_ip'),
            groups=spec['security_groups'],
            **to,
        )
    return made


def give_back(tx: db.Tx, run: Run) -> None:
    """The ports made for the server by this job are gone, those the user gave are free."""
    for number, nic in enumerate(servers.spec(tx, run.subject)['networks']):
        if nic.get('port_id'):
            row = ports.get(tx, nic['port_id'])
            if row is not None and row.holder_id == run.subject:
                ports.unbind(tx, run.context, nic['port_id'])
        else:
            _drop(tx, run, run.name_for('port', number))


def give_back_all(tx: db.Tx, run: Run) -> None:
    """The server has no ports; those made for it are gone."""
    for row in ports.of_server(tx, run.subject):
        if row.created_for_server:
            _drop(tx, run, row.id)
        else:
            ports.unbind(tx, run.context, row.id)


def release(tx: db.Tx, run: Run, port_id: str) -> None:
    """The server does not have the port: one made for it is gone, one that the user gave is free."""
    row = ports.get(tx, port_id)
    if row is None or row.holder_id != run.subject:
        return
    servers.keep_network(tx, run.subject, row.place, {})
    if row.created_for_server:
        _drop(tx, run, port_id)
    else:
        ports.unbind(tx, run.context, port_id)


def _drop(tx: db.Tx, run: Run, port_id: str) -> None:
    notifications.notify(tx, run.context, port_id, 'delete.start', 'delete.end')
    ports.drop(tx, run.context, port_id)


def wait(run: Run, host: str | None = None) -> None:
    """Every port of `run.ports` is wired on `run.host`, or the one named.

    Raises NotYet while it is not, Unwired when it cannot be, HostDown, and NimbusError when it took too long.
    """
    host = host or run.host
    now = run.env.clock.now()
    if run.get('wired_by') is None:
        run.note(wired_by=(now + WIRING).isoformat())
    if are_up(run, host):
        return
    if run.env.is_down(host):
        raise guest_orders.HostDown("The server's host is down.", inside=f'Host {host} is down.')
    if now > datetime.datetime.fromisoformat(run.wired_by):
        minutes = f'within {WIRING // datetime.timedelta(minutes=1)} minutes'
        raise errors.NimbusError(
            f"The server's host did not connect its ports to their networks {minutes}.",
            inside=f'Host {host} did not wire the ports {minutes}.',
        )
    raise NotYet(2)


def are_up(run: Run, host: str) -> bool:
    """Whether the host has wired and filtered every port and hands out its addresses.

    Raises Unwired when it cannot, saying why, and NimbusError when a port is gone.
    """
    with run.env.db.read() as tx:
        wiring = ports.wiring(tx, run.ports)
        troubles = [ports.trouble(tx, port) for port in run.ports if wiring.get(port) == 'ERROR']
    for port in run.ports:
        if port not in wiring:
            raise errors.NimbusError(f'Port {port} was deleted while the server was built.')
    if troubles:
        text = '; '.join(filter(None, troubles))
        raise Unwired(
            'The ports of the server cannot be wired there.',
            inside=f'Host {host} cannot wire the ports: {text}',
        )
    if any(status != 'ACTIVE' for status in wiring.values()):
        return False
    with run.env.db.read() as tx:
        unserved = server_ports.unserved(tx, run.ports)
    if unserved:
        with run.env.db.write() as tx:
            ports.bring_missing_dhcp(tx, run.context, run.ports)
            unserved = server_ports.unserved(tx, run.ports)
    if unserved:
        networks = ', '.join(dict.fromkeys(one.network_id for one in unserved))
        raise Unwired(
            f'No DHCP server there hands out addresses of network {networks}.',
            inside=f'The guest would get no address: {"; ".join(map(str, unserved))}.',
        )
    return True
