"""Trunks and their subports over HTTP."""

from collections.abc import Callable, Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call, Route
from nimbus.api.network import notifications, values
from nimbus.api.network.attributes import BOTH, Given, Tagged, attribute, bad
from nimbus.api.network.resources import Resource, shown
from nimbus.common.database import db
from nimbus.network import standard_attributes
from nimbus.network.ports import trunk_ports, trunks

NAMES = ('port_id', 'segmentation_type', 'segmentation_id')
LONGEST_KIND = 16
NUMBER = values.whole(-(2**31), 2**31 - 1)


def subports(value: Any) -> list[dict[str, Any]]:
    """Subports, each of another port and with another tag.  Raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"Invalid data format for subports: '{value}' is not a list")
    found: list[dict[str, Any]] = []
    for item in value:
        one = _subport(item)
        if any(one['port_id'] == other['port_id'] for other in found):
            raise ValueError(f"Non unique UUID for subport: '{one['port_id']}'")
        tag = one.get('segmentation_type'), one.get('segmentation_id')
        if tag[1] is not None and any(tag == (other.get(NAMES[1]), other.get(NAMES[2])) for other in found):
            raise ValueError(f"Segmentation ID '{tag[1]}' for '{one['port_id']}' is not unique")
        found.append(one)
    return found


def _subport(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ValueError(f"Invalid data format for subport: '{item}' is not a dict")
    if 'port_id' not in item:
        raise ValueError('A valid port UUID must be specified')
    unknown = sorted(set(item) - set(NAMES))
    if unknown:
        raise ValueError(f"A subport has no '{unknown[0]}', but {', '.join(NAMES)}")
    one = {'port_id': values.uuid(item['port_id'])}
    if item.get('segmentation_type') is not None:
        one['segmentation_type'] = values.text(LONGEST_KIND)(item['segmentation_type'])
    if item.get('segmentation_id') is not None:
        one['segmentation_id'] = NUMBER(item['segmentation_id'])
    if len(item) > 1 and one.get('segmentation_type') != trunks.INHERIT and len(one) != len(NAMES):
        raise ValueError(
            f"Invalid subport details '{item}': missing segmentation information. Must specify both segmentation_id "
            'and segmentation_type'
        )
    return one


def _shown_subports(row: Any, call: Call) -> list[dict[str, Any]]:
    found = call.children['subports'].get(row.id, ())  # type: ignore[attr-defined]
    return [{name: getattr(one, name) for name in NAMES} for one in found]


class Trunk(Tagged):
    """A port whose guest's tagged frames belong to other ports."""

    one, many = 'trunk', 'trunks'

    name = attribute(*BOTH, take=values.text(), default='')
    admin_state_up = attribute(*BOTH, take=values.flag, default=True)
    port_id = attribute(READ, CREATE, take=values.uuid, required=True)
    status = attribute(source=lambda row, call: call.children['statuses'][row.id], sort=False)
    sub_ports = attribute(READ, CREATE, take=subports, source=_shown_subports, default=(), filter=False)


def children(call: Call, tx: db.Tx, rows: Sequence[Any]) -> dict[str, Any]:
    """What views of trunks need beside their rows."""
    found = [row.id for row in rows]
    return {
        'tags': standard_attributes.tags_of(tx, found),
        'statuses': trunks.statuses(tx, found),
        'subports': trunk_ports.of(tx, found),
    }


def add(call: Call, tx: db.Tx, given: Given, parent: Any) -> str:
    """A trunk stands as requested."""
    # A request names the column by the attribute that shows it.
    kept = {name: given[name] for name in ('name', 'description', 'admin_state_up', 'port_id', 'project_id')}
    return trunks.create(tx, call.context, sub_ports=given['sub_ports'], **kept)


TRUNKS = Resource(
    noun=Trunk,
    find=trunks.find,
    show_row=trunks.show,
    children=children,
    add=add,
    change=lambda call, tx, row, given: trunks.update(tx, row, **given),
    remove=lambda call, tx, row: trunks.delete(tx, call.context, row),
    target=lambda tx, row: {},
)


def _named(call: Call) -> list[dict[str, Any]]:
    """The subports that the body names.  Raises Invalid."""
    body = call.body
    if not isinstance(body, dict) or set(body) != {'sub_ports'}:
        raise bad("Invalid input for sub_ports. Reason: the body must be {'sub_ports': [...]}.")
    try:
        return subports(body['sub_ports'])
    except ValueError as why:
        raise trunks.bad(str(why)) from why


def _changed(call: Call, id: str, rule: str, work: Callable[[db.Tx, list[dict[str, Any]]], None]) -> Any:
    """The trunk as it is after the work with the subports that the body names."""
    wanted = _named(call)
    with call.db.write() as tx:
        row = trunks.show(tx, call.context, id)
        call.check(rule, project_id=row.project_id, tenant_id=row.project_id)
        notifications.notify(call, tx, 'trunk.update.start', {**call.body, 'id': id})
        work(tx, wanted)
        row = trunks.show(tx, call.context, id)
        call.children = children(call, tx, [row])  # type: ignore[attr-defined]
        answer = shown(call, Trunk, [row])[0]
        notifications.notify(call, tx, 'trunk.update.end', {'trunk': answer})
        return answer


def add_subports(call: Call, id: str) -> Any:
    """PUT add_subports: the trunk has these subports too."""
    return _changed(call, id, 'add_subports', lambda tx, found: trunks.add_subports(tx, call.context, id, found))


def remove_subports(call: Call, id: str) -> Any:
    """PUT remove_subports: the trunk has none of these subports."""
    return _changed(call, id, 'remove_subports', lambda tx, found: trunks.remove_subports(tx, call.context, id, found))


def get_subports(call: Call, id: str) -> Any:
    """GET of the trunk's subports."""
    with call.db.read() as tx:
        row = trunks.show(tx, call.context, id)
        call.check('get_subports', project_id=row.project_id, tenant_id=row.project_id)
        call.children = children(call, tx, [row])  # type: ignore[attr-defined]
        return {'sub_ports': _shown_subports(row, call)}


ROUTES = (
    *TRUNKS.routes('/trunks'),
    Route('PUT', '/trunks/{id}/add_subports', add_subports, 'add_subports'),
    Route('PUT', '/trunks/{id}/remove_subports', remove_subports, 'remove_subports'),
    Route('GET', '/trunks/{id}/get_subports', get_subports, 'get_subports'),
)
