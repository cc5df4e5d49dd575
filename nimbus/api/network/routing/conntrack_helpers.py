"""Conntrack helpers of routers over HTTP."""

from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, NeutronNoun, attribute
from nimbus.api.network.nested import Nested
from nimbus.api.network.routing.port_forwardings import PORT, protocol
from nimbus.network.routers import conntrack_helpers, routers


class ConntrackHelper(NeutronNoun):
    """A protocol that a router's connection tracking follows at a port."""

    one, many, tagged = 'conntrack_helper', 'conntrack_helpers', False

    id = attribute()
    protocol = attribute(*BOTH, take=protocol, required=True, sift=str.lower)
    port = attribute(*BOTH, take=PORT, required=True, sift=values.number)
    helper = attribute(*BOTH, take=values.text(64), required=True)


HELPERS = Nested(
    noun=ConntrackHelper,
    rule='router_conntrack_helper',
    parent=routers.show,
    find=conntrack_helpers.find,
    show_row=conntrack_helpers.show,
    add=lambda call, tx, router, given: conntrack_helpers.create(tx, call.context, router, **given),
    change=lambda call, tx, router, row, given: conntrack_helpers.update(tx, router, row, **given),
    remove=lambda call, tx, router, row: conntrack_helpers.delete(tx, router, row),
)
ROUTES = HELPERS.routes('/routers/{id}/conntrack_helpers', 'conntrack_helper_id')
