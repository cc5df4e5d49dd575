"""Reads the data that views of servers need beside their rows, in a fixed number of queries for any page."""

from collections.abc import Sequence
from typing import Any

from nimbus.api.compute import microversions, policies
from nimbus.api.compute.servers.views import Related, Server, ServerForOperator, ServerShown
from nimbus.api.kit.fields import Noun
from nimbus.api.kit.routes import Call
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute.devices import block_devices
from nimbus.compute.servers import groups, metadata_and_tags
from nimbus.network.ports import server_ports


def plain(call: Call) -> Related:
    """What views with links alone need: no query."""
    return Related(call.root_url, call.host_url)


def gather(call: Call, tx: db.Tx, rows: Sequence[Any], *, listed: bool) -> Related:
    """What the detailed views of the rows need; a list does not show the groups of servers."""
    found = plain(call)
    ids = [row.id for row in rows]
    found.addresses = server_ports.addresses(tx, ids)
    found.security_groups = server_ports.groups_of(tx, ids)
    found.volumes = block_devices.volumes_of(tx, ids)
    if call.speaks(microversions.Tags):
        found.tags = metadata_and_tags.tags(tx, ids)
    if call.speaks(microversions.HostStatus) and call.allows(policies.SERVERS + 'show:host_status'):
        found.host_states = host_states(call, tx)
    if call.speaks(microversions.GroupsOfServer) and not listed:
        found.groups = groups.groups_of(tx, ids)
    found.extra_specs = call.speaks(microversions.FlavorEmbedded) and call.allows(
        policies.SERVERS + 'show:flavor-extra-specs'
    )
    found.is_admin = call.context.is_admin
    return found


def host_states(call: Call, tx: db.Tx) -> dict[str, str]:
    """UP, DOWN or MAINTENANCE of every compute host."""
    down_time = call.parts.extra['compute'].down_time
    return {
        row.host: 'MAINTENANCE' if row.disabled else 'UP' if services.is_up(row, down_time) else 'DOWN'
        for row in services.find(tx, room='compute', binary='nova-compute')
    }


def noun(call: Call) -> type[Noun]:
    """The noun of the view that the asker may see: an operator's has more fields."""
    return ServerForOperator if call.allows(policies.ATTRIBUTES) else ServerShown


def one(call: Call, tx: db.Tx, row: Any) -> dict[str, Any]:
    """The whole view of one server."""
    return {'server': noun(call).view(call.version)(row, gather(call, tx, [row], listed=False))}


def changed(call: Call, tx: db.Tx, row: Any) -> dict[str, Any]:
    """The response to a change of the server: the whole view since 2.75, a shorter one before."""
    if call.speaks(microversions.StrictQueries):
        return one(call, tx, row)
    return {'server': Server.view(call.version)(row, gather(call, tx, [row], listed=False))}
