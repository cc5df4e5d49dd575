"""Servers over HTTP: create, list, show, update and delete."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.compute.servers import batches, queries, requests
from nimbus.api.compute.servers.views import ServerName
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.kit.versions import Version
from nimbus.compute.servers import boots, deletion, power, search
from nimbus.compute.servers import servers as nouns


def create(call: Call) -> Reply:
    """202 and the server's address and password, or the reservation's id."""
    wanted = requests.wanted(call, call.body)
    with call.db.write() as tx:
        rows = boots.boot(tx, call.context, wanted)
    asked = call.body['server']
    if shapes.flag(asked.get('return_reservation_id', False)):
        return Reply({'reservation_id': rows[0].reservation_id})
    row = rows[0]
    href = f'{call.root_url}/servers/{row.id}'
    view = {
        'id': row.id,
        'links': ServerName.view(call.version)(row, batches.plain(call))['links'],
        'OS-DCF:diskConfig': row.disk_config,
        'security_groups': asked.get('security_groups', [{'name': 'default'}]),
        'adminPass': wanted.admin_pass,
    }
    return Reply({'server': view}, headers=[('Location', href)])


def index(call: Call) -> dict[str, Any]:
    """One page of servers, by name."""
    return _page(call, detail=False)


def detail(call: Call) -> dict[str, Any]:
    """One page of servers, with everything the asker may see."""
    return _page(call, detail=True)


def _page(call: Call, *, detail: bool) -> dict[str, Any]:
    wanted = queries.wanted(call, detail=detail)
    if wanted is None:
        return {'servers': []}
    with call.db.read() as tx:
        rows = search.find(tx, call.context, wanted)
        related = batches.gather(call, tx, rows, listed=True) if detail else batches.plain(call)
    view = (batches.noun(call) if detail else ServerName).view(call.version)
    found: dict[str, Any] = {'servers': [view(row, related) for row in rows]}
    if links := paging.next_link(call, rows, wanted.page):
        found['servers_links'] = links
    return found


def show(call: Call, id: str) -> dict[str, Any]:
    """One server."""
    with call.db.read() as tx:
        return batches.one(call, tx, nouns.show(tx, call.context, id))


PINNED = 'pinned_availability_zone'
CHANGES = {
    'name': 'name',
    'description': 'description',
    'hostname': 'hostname',
    'OS-DCF:diskConfig': 'disk_config',
    'accessIPv4': 'access_ip_v4',
    'accessIPv6': 'access_ip_v6',
}


class ChangeShapes:
    """The shape of a change, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        fields: dict[str, Any] = {
            'name': shapes.NAME,
            'OS-DCF:diskConfig': shapes.DISK_CONFIG,
            'accessIPv4': {'type': 'string', 'format': 'ipv4'},
            'accessIPv6': {'type': 'string', 'format': 'ipv6'},
        }
        if version >= microversions.Descriptions.number:
            fields['description'] = shapes.DESCRIPTION
        if version >= microversions.Hostnames.number:
            fields['hostname'] = shapes.FQDN if version >= microversions.QualifiedHostnames.number else shapes.HOSTNAME
        if version >= microversions.ChangePinnedZone.number:
            fields['pinned_availability_zone'] = {'anyOf': [shapes.NAME, {'type': 'null'}]}
        return shapes.under('server', shapes.closed(fields))


def update(call: Call, id: str) -> dict[str, Any]:
    """The server with its new name, description, addresses, host name or zone."""
    given = dict(call.body['server'])
    pinned = {'zone': given.pop(PINNED)} if PINNED in given else {}
    values = {CHANGES[name]: value for name, value in given.items()}
    if 'access_ip_v6' in values:
        values['access_ip_v6'] = shapes.shortest(values['access_ip_v6'])
    with call.db.write() as tx:
        if pinned:
            power.pin(tx, call.context, id, **pinned)
        row = power.change(tx, call.context, id, **values)
        return batches.changed(call, tx, row)


def delete(call: Call, id: str) -> None:
    """204: the server is being deleted."""
    with call.db.write() as tx:
        deletion.delete(tx, call.context, id, later=call.parts.extra['compute'].keep_deleted)


def policy(name: str) -> str:
    """The full name of a rule about servers."""
    return policies.SERVERS + name
