"""A server's network interfaces over HTTP (/servers/{id}/os-interface), and the old actions on its addresses."""

from typing import Any

from nimbus.api.compute import microversions, shapes
from nimbus.api.kit.fields import Listing, Noun, Shape, Text
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.common import errors
from nimbus.compute.servers import servers
from nimbus.compute.servers.networking import interfaces
from nimbus.network.ports import server_ports

NETWORK = {'type': ['string', 'number'], 'minLength': 1, 'maxLength': 36}
ADD_ADDRESS = shapes.action('addFixedIp', shapes.closed({'networkId': NETWORK}, ['networkId']))
REMOVE_ADDRESS = shapes.action('removeFixedIp', shapes.closed({'address': shapes.IP}, ['address']))


class Interface(Noun):
    """A server's port."""

    one, many = 'interfaceAttachment', 'interfaceAttachments'
    net_id = Text(source='network_id')
    port_id = Text(source='id')
    mac_addr = Text(source='mac_address')
    port_state = Text(source='status')
    fixed_ips = Listing()
    tag = Text(source=lambda row, call: call.given['tags'].get(row.id), since=microversions.AttachmentTags.number)


class CreateShapes:
    """The shape of a request to attach, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        address = shapes.closed({'ip_address': shapes.IP}, ['ip_address'])
        fields: dict[str, Any] = {
            'net_id': shapes.UUID,
            'port_id': shapes.UUID,
            'fixed_ips': {'type': 'array', 'minItems': 1, 'maxItems': 1, 'items': address},
        }
        if version >= microversions.TagsOnAttach.number:
            fields['tag'] = shapes.DEVICE_TAG
        return Shape(shapes.closed({'interfaceAttachment': shapes.closed(fields)}))


def index(call: Call, id: str) -> dict[str, Any]:
    """The server's ports."""
    return call.views(Interface, _ports(call, id))


def show(call: Call, id: str, port_id: str) -> dict[str, Any]:
    """One port of the server."""
    for port in _ports(call, id):
        if port.id == port_id:
            return call.view(Interface, port)
    raise errors.NotFound(f'Instance {id} does not have a port with id {port_id}')


def _ports(call: Call, server_id: str) -> list[Any]:
    with call.db.read() as tx:
        row = servers.show(tx, call.context, server_id)
        found = server_ports.of_server(tx, server_id)
    call.given['tags'] = interfaces.tags(row, found)
    return found


def create(call: Call, id: str) -> dict[str, Any]:
    """The port is being plugged into the server."""
    given = (call.body or {}).get('interfaceAttachment', {})
    network_id, port_id = given.get('net_id'), given.get('port_id')
    if network_id and port_id:
        raise errors.Invalid('Must not input both network_id and port_id')
    address = given['fixed_ips'][0]['ip_address'] if 'fixed_ips' in given else None
    if address and not network_id:
        raise errors.Invalid('Must input network_id when request IP address')
    named = {'network_id': network_id, 'port_id': port_id, 'fixed_ip': shapes.shortest(address)}
    try:
        with call.db.write() as tx:
            port = interfaces.attach(tx, call.context, id, **named, tag=given.get('tag'))
    except errors.OverQuota:
        raise errors.Forbidden('Maximum number of ports exceeded') from None
    call.given['tags'] = {port.id: given.get('tag')}
    return call.view(Interface, port)


def delete(call: Call, id: str, port_id: str) -> None:
    """202: the port is being unplugged from the server."""
    with call.db.write() as tx:
        interfaces.detach(tx, call.context, id, port_id)


def add_address(call: Call, id: str) -> None:
    """The server's port on the network has one more address."""
    with call.db.write() as tx:
        interfaces.add_address(tx, call.context, id, str(call.given['networkId']))


def remove_address(call: Call, id: str) -> None:
    """No port of the server has the address."""
    with call.db.write() as tx:
        interfaces.remove_address(tx, call.context, id, call.given['address'])
