"""Address scopes over HTTP."""

from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE
from nimbus.api.kit.routes import Call
from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, Given, NeutronNoun, attribute
from nimbus.api.network.resources import Resource
from nimbus.common.database import db
from nimbus.network import access
from nimbus.network.addressing import address_scopes


class AddressScope(NeutronNoun):
    """A set of subnet pools whose ranges do not meet."""

    one, many = 'address_scope', 'address_scopes'
    tagged = False

    id = attribute()
    project_id = attribute(READ, CREATE, take=values.text(64))
    tenant_id = attribute(source='project_id')
    name = attribute(*BOTH, take=values.text(), default='')
    shared = attribute(
        *BOTH,
        take=values.flag,
        source=lambda row, call: row.id in call.children['shared'],
        default=False,
        sort=False,
        ruled=(CREATE, UPDATE),
    )
    ip_version = attribute(READ, CREATE, take=values.ip_version, required=True, sift=values.number)


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of address scopes need beside their rows."""
    return {'shared': access.shared(tx, call.context, [row.id for row in rows])}


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The scope has the values."""
    address_scopes.update(tx, call.context, row.id, **given)


ADDRESS_SCOPES = Resource(
    noun=AddressScope,
    find=address_scopes.find,
    show_row=address_scopes.show,
    children=children,
    add=lambda call, tx, given, parent: address_scopes.create(tx, call.context, **given),
    change=change,
    remove=lambda call, tx, row: address_scopes.delete(tx, call.context, row.id),
    target=lambda tx, row: {},
)
