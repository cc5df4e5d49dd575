"""A port's bindings to hosts over HTTP."""

from collections.abc import Callable
from typing import Any

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.api.network import notifications, values
from nimbus.api.network.attributes import BOTH, NeutronNoun, attribute, bad
from nimbus.api.network.ports import vif_details
from nimbus.api.network.resources import page, shown
from nimbus.common.database import db
from nimbus.network.ports import port_bindings


def host_name(value: Any) -> str:
    """The name of a host.  Raises ValueError."""
    name = str(values.text()(value))
    if not name:
        raise ValueError('the name of a host cannot be empty')
    return name


class Binding(NeutronNoun):
    """A port's binding to a host."""

    one, many, tagged = 'binding', 'bindings', False

    host = attribute(READ, CREATE, take=host_name, required=True)
    status = attribute()
    vif_type = attribute(source=lambda row, call: 'ovs' if row.host else 'unbound')
    vif_details = attribute(source=vif_details, filter=False)
    vnic_type = attribute(*BOTH, take=values.one_of('normal'), default='normal')
    profile = attribute(*BOTH, take=values.mapping, default=None, filter=False)
    project_id = attribute(CREATE, take=values.text(64), default=None, filter=False)


def _view(call: Call, tx: db.Tx, id: str, host: str) -> dict[str, Any]:
    port = port_bindings.owner(tx, call.context, id)
    return shown(call, Binding, [port_bindings.show(tx, port, host)])[0]


def _matches(filters: dict[str, list[Any]], shape: dict[str, Any]) -> bool:
    return all(shape.get(name) in wanted for name, wanted in filters.items())


def index(call: Call, id: str) -> Any:
    """GET of the collection."""
    filters = {name: call.query[name] for name in ('host', 'status', 'vif_type', 'vnic_type') if name in call.query}
    page(call, Binding)
    with call.db.read() as tx:
        port = port_bindings.owner(tx, call.context, id)
        view = Binding.view(call.version)
        rows = [row for row in port_bindings.of(tx, port) if _matches(filters, view(row, call))]
        return {'bindings': shown(call, Binding, rows)}


def show(call: Call, id: str, host: str) -> Any:
    """GET of one."""
    with call.db.read() as tx:
        return {'binding': _view(call, tx, id, host)}


def create(call: Call, id: str) -> Any:
    """POST: the port is prepared for one more host."""
    given = call.given
    if isinstance(given, list):
        raise bad("Unable to find 'binding' in request body")
    with call.db.write() as tx:
        port = port_bindings.owner(tx, call.context, id)
        notifications.notify(call, tx, 'binding.create.start', call.body)
        kept = {'vnic_type': given['vnic_type'], 'profile': given['profile'] or {}}
        port_bindings.create(tx, port, given['host'], **kept)
        answer = {'binding': _view(call, tx, id, given['host'])}
        notifications.notify(call, tx, 'binding.create.end', answer)
        return answer


def _changed(call: Call, id: str, host: str, work: Callable[[db.Tx, Any], None]) -> dict[str, Any]:
    """The binding's view after the work."""
    with call.db.write() as tx:
        port = port_bindings.owner(tx, call.context, id)
        notifications.notify(call, tx, 'binding.update.start', {'binding': {'host': host}, 'port_id': id})
        work(tx, port)
        found = _view(call, tx, id, host)
        notifications.notify(call, tx, 'binding.update.end', {'binding': found})
        return found


def update(call: Call, id: str, host: str) -> Any:
    """PUT of one: its kind and profile."""
    kept = {name: call.given[name] for name in ('vnic_type', 'profile') if name in call.given}
    return {
        'binding': _changed(call, id, host, lambda tx, port: port_bindings.update(tx, call.context, port, host, **kept))
    }


def activate(call: Call, id: str, host: str) -> Any:
    """PUT of activate: the port is wired there, and where it was, it is only prepared."""
    return _changed(call, id, host, lambda tx, port: port_bindings.activate(tx, call.context, port, host))


def delete(call: Call, id: str, host: str) -> Any:
    """DELETE of one."""
    with call.db.write() as tx:
        port = port_bindings.owner(tx, call.context, id)
        gone = {'binding': {'host': host}, 'port_id': id}
        notifications.notify(call, tx, 'binding.delete.start', gone)
        port_bindings.delete(tx, call.context, port, host)
        notifications.notify(call, tx, 'binding.delete.end', gone)
    return Reply()


_ALL, _EACH = '/ports/{id}/bindings', '/ports/{id}/bindings/{host}'
ROUTES = (
    Route('GET', _ALL, index, 'get_port_binding'),
    Route('POST', _ALL, create, 'create_port_binding', 201, noun=Binding),
    Route('GET', _EACH, show, 'get_port_binding'),
    Route('PUT', _EACH, update, 'update_port_binding', noun=Binding),
    Route('DELETE', _EACH, delete, 'delete_port_binding', 204),
    Route('PUT', f'{_EACH}/activate', activate, 'activate'),
)
