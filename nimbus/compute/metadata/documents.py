"""The OpenStack metadata of a server: meta_data.json, network_data.json and the other documents."""

import base64
import ipaddress
import json
import secrets
from typing import Any

from nimbus.common.database import db
from nimbus.compute.devices import device_names
from nimbus.compute.metadata import ec2
from nimbus.compute.metadata.facts import Facts
from nimbus.compute.models import Server
from nimbus.compute.servers import servers
from nimbus.network.ports import ports

FOLSOM, GRIZZLY, HAVANA, LIBERTY = '2012-08-10', '2013-04-04', '2013-10-17', '2015-10-15'
NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY, VICTORIA = '2016-06-30', '2016-10-06', '2017-02-22', '2018-08-27', '2020-10-14'
LATEST = 'latest'
VERSIONS = (FOLSOM, GRIZZLY, HAVANA, LIBERTY, NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY, VICTORIA)
META, USER, PASSWORD, NETWORK = 'meta_data.json', 'user_data', 'password', 'network_data.json'
VENDOR, VENDOR2 = 'vendor_data.json', 'vendor_data2.json'
SINCE = {META: FOLSOM, USER: FOLSOM, PASSWORD: GRIZZLY, VENDOR: HAVANA, NETWORK: LIBERTY, VENDOR2: NEWTON_TWO}
BUSES = {'virtio': 'pci', 'scsi': 'scsi', 'sata': 'scsi', 'usb': 'usb', 'ide': 'ide'}  # as the guest's system sees it
SEED = 512  # random bytes a guest gets to begin with


def facts(tx: db.Tx, server_id: str) -> Facts:
    """All that the documents say about the server.  Raises NotFound."""
    row = servers.row_of(tx, server_id)
    groups = ports.groups_of(tx, [server_id]).get(server_id, [])
    names = [group['name'] for group in groups]
    shown = ports.addresses(tx, [server_id]).get(server_id, [])
    return Facts(
        servers.spec(tx, server_id),
        row.zone,
        ports.nics(tx, server_id),
        names,
        row.guest_password,
        [address['ip'] for address in shown if address['type'] == 'floating'],
    )


def has(name: str, version: str) -> bool:
    """Whether the version has the document."""
    return name in SINCE and (version == LATEST or version >= SINCE[name])


def documents(given: Facts, version: str) -> dict[str, bytes]:
    """Every document of the version by its name, but the password, which guests write themselves."""
    made = {META: _json(meta_data(given, version)), VENDOR: b'{}', VENDOR2: _json({'static': {}})}
    made[NETWORK] = _json(network_data(given.nics))
    if given.user_data is not None:
        made[USER] = given.user_data
    return {name: data for name, data in made.items() if has(name, version)}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def meta_data(given: Facts, version: str = LATEST) -> dict[str, Any]:
    """`meta_data.json` of the version."""
    spec = given.spec
    found: dict[str, Any] = {'uuid': spec['id']}
    if spec['metadata']:
        found['meta'] = spec['metadata']
    if given.files:
        found['files'] = [
            {'content_path': f'/content/{number:04}', 'path': path} for number, (path, _) in enumerate(given.files)
        ]
    if spec['admin_pass']:
        found['admin_pass'] = spec['admin_pass']
    if key := spec['key']:
        found['public_keys'] = {key['name']: key['public_key']}
        found['keys'] = [{'name': key['name'], 'type': key['type'], 'data': key['public_key']}]
    found |= {
        'hostname': given.hostname,
        'name': spec['display_name'],
        'launch_index': spec['launch_index'],
        'availability_zone': given.zone,
    }
    for since, name, value in (
        (GRIZZLY, 'random_seed', lambda: base64.b64encode(secrets.token_bytes(SEED)).decode()),
        (LIBERTY, 'project_id', lambda: spec['project_id']),
        (NEWTON_ONE, 'devices', lambda: devices(given, version)),
        (VICTORIA, 'dedicated_cpus', lambda: []),
    ):
        if version == LATEST or version >= since:
            found[name] = value()
    return found


def devices(given: Facts, version: str = LATEST) -> list[dict[str, Any]]:
    """The devices that the user tagged: what a guest knows each by, and its tags."""
    # The place of a port is that of the network in the request, counted from one.
    tags = {place: asked.get('tag') for place, asked in enumerate(given.spec['networks'], 1)}
    trusted = {'vf_trusted': False} if version >= ROCKY else {}
    nics = [
        {**trusted, 'type': 'nic', 'mac': nic['mac'], 'bus': 'pci', 'address': 'none', 'tags': [tags[nic['place']]]}
        for nic in given.nics
        if tags.get(nic['place'])
    ]
    usual = device_names.usual_bus(given.spec['image'])
    disks = [
        {
            'type': 'disk',
            'serial': device['volume_id'],
            'bus': BUSES.get(device['disk_bus'] or usual, 'none'),
            'address': 'none',
            'tags': [device['tag']],
        }
        for device in given.spec['bdms']
        if device['tag']
    ]
    return nics + disks


def network_data(nics: list[dict[str, Any]]) -> dict[str, Any]:
    """`network_data.json`: links, the networks on them, and the name servers."""
    networks: list[dict[str, Any]] = []
    services: list[dict[str, str]] = []
    for nic in nics:
        for address in nic['addresses']:
            networks.append({'id': f'network{len(networks)}', **_network(nic, address)})
            services += [one for one in _services(address) if one not in services]
    return {'links': [_link(nic) for nic in nics], 'networks': networks, 'services': services}


def _link(nic: dict[str, Any]) -> dict[str, Any]:
    return {
        'id': nic['tap'],
        'vif_id': nic['port_id'],
        'type': 'ovs',
        'mtu': nic['mtu'],
        'ethernet_mac_address': nic['mac'],
    }


def _network(nic: dict[str, Any], address: dict[str, Any]) -> dict[str, Any]:
    found = {'link': nic['tap'], 'network_id': nic['network_id']}
    if address['version'] == 4 and address['dhcp']:
        return {'type': 'ipv4_dhcp', **found}
    whole = ipaddress.ip_network(address['cidr'])
    everything = '0.0.0.0' if address['version'] == 4 else '::'
    routes = []
    if address['gateway']:
        routes.append({'network': everything, 'netmask': everything, 'gateway': address['gateway']})
    for route in address['routes']:
        to = ipaddress.ip_network(route['destination'])
        routes.append(
            {'network': str(to.network_address), 'netmask': str(to.netmask), 'gateway': route['nexthop']},
        )
    return {
        'type': f'ipv{address["version"]}' + (f'_{address["mode"]}' if address['mode'] else ''),
        **found,
        'ip_address': address['ip'],
        'netmask': str(whole.netmask),
        'routes': routes,
        'services': _services(address),
    }


def _services(address: dict[str, Any]) -> list[dict[str, str]]:
    return [{'type': 'dns', 'address': server} for server in address['dns']]


def config_drive(tx: db.Tx, server_id: str, force: bool = False) -> dict[str, str] | None:
    """The files of the server's config drive, in base64 by path; None when it has none.  Raises NotFound.

    With `force` every server has one from now on, and says so.
    """
    if force:
        tx.update(Server, Server.id == server_id, config_drive=True)
    if not servers.row_of(tx, server_id).config_drive:
        return None
    given = facts(tx, server_id)
    files = {
        f'openstack/{version}/{name}': data
        # Guests look for the newest dated folder that they know, and never into the latest.
        for version in (*VERSIONS, LATEST)
        for name, data in documents(given, version).items()
    }
    for version in (ec2.NEWEST, LATEST):
        files[f'ec2/{version}/meta-data.json'] = _json(ec2.meta_data(given))
        if given.user_data is not None:
            files[f'ec2/{version}/user-data'] = given.user_data
    for number, (_, content) in enumerate(given.files):
        files[f'openstack/content/{number:04}'] = content
    return {path: base64.b64encode(data).decode() for path, data in files.items()}
