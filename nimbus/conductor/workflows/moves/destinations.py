"""What every move of a server has in common: a claim at each end, and its ports and volumes at one of them.

While a server moves it holds room twice: under its own id where it goes, under the move's where it comes from.
So the place of either is found by whose claim it is, and each step here is told the holder.
"""

import logging
from typing import Any

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.jobs import Run
from nimbus.compute.servers import servers
from nimbus.compute.servers.moves import moves
from nimbus.conductor.workflows import build_server, disks, vif_plugging
from nimbus.network.ports import arrivals, ports
from nimbus.scheduler import claims, hosts

LOG = logging.getLogger(__name__)


def place(run: Run, status: str = moves.UNDER_WAY, *, leave: bool = True, **wanted: Any) -> dict[str, Any]:
    """The server has a claim of its new size where it goes, and the move holds the one that it had.

    Raises NoValidHost, also when it is to `leave` its host and no other one takes it.
    """
    with run.env.db.write() as tx:
        move = moves.show(tx, run.move_id)
        claims.hand_over(tx, run.subject, run.move_id)
        spec = {**servers.spec(tx, run.subject), 'flavor': move.new_flavor}
    request = {**build_server.request(run, spec), 'leave': move.source_host if leave else None, **wanted}
    found = run.env.scheduler(run.context).place(run.subject, request)
    with run.env.db.write() as tx:
        address = hosts.named(tx, found['host']).facts.get('host_ip')
        target = {'target_host': found['host'], 'target_node': found['node'], 'target_address': address}
        moves.go(tx, run.move_id, status, **target)
    return {**found, 'source': move.source_host}


def give_back_place(run: Run) -> None:
    """The server has the claim it had."""
    with run.env.db.write() as tx:
        if claims.of(tx, run.move_id) is not None:
            claims.release(tx, run.subject)
            claims.hand_over(tx, run.move_id, run.subject)


def changes_host(run: Run) -> bool:
    """Whether the server goes to another host than its own."""
    return bool(run.get('source') and run.source != run.host)


def claim_of(run: Run, holder: str) -> Any:
    """The claim of the server or of its move, with host, node and zone."""
    with run.env.db.read() as tx:
        return claims.of(tx, holder)


def stand(tx: db.Tx, run: Run, holder: str) -> None:
    """The server's row names the host where the holder's claim is."""
    found = claims.of(tx, holder)
    servers.placed(tx, run.subject, found.host, found.node, found.zone)


def bring_ports(run: Run, holder: str) -> list[str]:
    """The server's ports are bound to the host where the holder's claim is; their ids."""
    with run.env.db.write() as tx:
        return bind(tx, run, claims.of(tx, holder))


def bind(tx: db.Tx, run: Run, place: Any) -> list[str]:
    """The server's ports are bound to the host of the claim, wired already where they were ahead of it; their ids."""
    hostname, found = servers.row_of(tx, run.subject).hostname, ports.of_server(tx, run.subject)
    to = {'server_id': run.subject, 'host': place.host, 'zone': place.zone, 'hostname': hostname}
    for row in found:
        ports.bind(tx, run.context, row.id, project_id=row.project_id, **to)
    arrivals.arrived(tx, run.subject, place.host)
    return [row.id for row in found]


def wait_for_wires(run: Run, holder: str) -> None:
    """The host where the holder's claim is has wired every port of the server.  Raises NotYet and NimbusError."""
    vif_plugging.wait(run, claim_of(run, holder).host)


def bring_volumes(run: Run, holder: str) -> None:
    """The host where the holder's claim is reaches every volume of the server, and no other host does."""
    host = claim_of(run, holder).host
    for found in disks.of_server(run):
        if found['attachment_id']:
            disks.disconnect(run, found['attachment_id'])
            disks.connect(run, found, host)


def return_ports(run: Run, holder: str) -> None:
    """The server's ports are wired again where the holder's claim is, as far as they can be.  Raises NotYet."""
    if not run.get('returning'):
        run.note(returning=True, wired_by=None)
    run.note(ports=bring_ports(run, holder))
    try:
        wait_for_wires(run, holder)
    except errors.NimbusError as why:  # the guest is started all the same: its owner sees more of it then
        LOG.warning('The ports of server %s are not wired again: %s', run.subject, why.inside)
