"""Makes the demo's project, user, network, key pair, flavors, image, rules and server through the REST API.

Everything is looked for by name first, so that an interrupted run is continued.
"""

import concurrent.futures
import dataclasses
import pathlib
import socket
import subprocess
import sys
import time

from keystoneauth1 import adapter, session
from keystoneauth1 import exceptions as ksa
from keystoneauth1.identity import v3

from devstack import outside
from devstack.place import Place, auth
from devstack.processes import wait_until
from devstack.progress import Unable, say

FLAVORS = {'m1.nano': (128, 1, 1), 'm1.micro': (192, 1, 1), 'm1.tiny': (512, 1, 1), 'm1.small': (2048, 1, 20)}
IMAGE, NETWORK, SUBNET, KEY, SERVER, ROUTER = 'nimbus-guest', 'demo', 'demo', 'demo', 'demo', 'demo'
OUTSIDE = 'public'
BIN = pathlib.Path(sys.executable).parent
CIDR = '10.100.0.0/24'
TIMEOUT = 240.0


class Api:
    """The cloud as one user sees it."""

    def __init__(self, place: Place, user: str) -> None:
        self.auth_url = f'{place.url("identity")}/v3'
        self.session = session.Session(v3.Password(**auth(place, user)), timeout=60)

    def of(self, service: str, **more: object) -> adapter.Adapter:
        """The REST API of one service type."""
        return adapter.Adapter(self.session, service_type=service, interface='public', **more)

    @property
    def project(self) -> str:
        """The id of the project that the user speaks in."""
        return self.session.get_project_id()


@dataclasses.dataclass(frozen=True)
class Demo:
    """The server that was made, and how to reach it."""

    server_id: str
    network_id: str
    address: str
    console: str
    key: pathlib.Path
    seconds: float


def make(place: Place, image_file: pathlib.Path, admin: Api | None = None) -> Demo:
    """The demo stands and its server is ACTIVE; `admin` is the administrator's way in where there is one already."""
    admin = admin or Api(place, 'admin')
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # Both hash something, and each leaves a processor to the other.
        image = pool.submit(_flavors_and_image, admin, image_file)
        _project_and_user(place, admin)
        outside_id = _outside(place, admin)
        demo = Api(place, 'demo')
        network = _network(demo, outside_id)
        _rules(demo)
        key = _key(place, demo)
        made = _server(demo, image.result(), network, key)
        return _reached(demo, made, outside_id)


def _flavors_and_image(admin: Api, file: pathlib.Path) -> str:
    _flavors(admin)
    return _image(admin, file)


def _found(api: adapter.Adapter, path: str, key: str, name: str, **query: str) -> dict | None:
    words = '&'.join(f'{word}={value}' for word, value in {'name': name, **query}.items())
    rows = api.get(f'{path}?{words}').json()[key]
    return next((row for row in rows if row['name'] == name), None)


def _made(api: adapter.Adapter, path: str, one: str, many: str, body: dict, what: str = '') -> dict:
    """The row called `body['name']`, made now if there was none."""
    row = _found(api, path, many, body['name'])
    if row is None:
        say(f'creating {what or one} {body["name"]}')
        row = api.post(path, json={one: body}).json()[one]
    return row


def _project_and_user(place: Place, admin: Api) -> None:
    identity = admin.of('identity', version=(3, 0))
    project = _made(identity, '/projects', 'project', 'projects', {'name': 'demo', 'domain_id': 'default'})
    user = _found(identity, '/users', 'users', 'demo')
    password = place.secret('demo')
    if user is None:
        say('creating user demo')
        body = {
            'name': 'demo',
            'domain_id': 'default',
            'password': password,
            'default_project_id': project['id'],
        }
        user = identity.post('/users', json={'user': body}).json()['user']
    role = _found(identity, '/roles', 'roles', 'member')
    if role is None:
        raise Unable('the cloud has no role named member; its identity service did not set itself up.')
    identity.put(f'/projects/{project["id"]}/users/{user["id"]}/roles/{role["id"]}')


def _flavors(admin: Api) -> None:
    compute = admin.of('compute')
    there = {flavor['name'] for flavor in compute.get('/flavors?is_public=None').json()['flavors']}
    missing = [name for name in FLAVORS if name not in there]
    if missing:
        say(f'creating flavors {", ".join(missing)}')
    for name in missing:
        ram, vcpus, disk = FLAVORS[name]
        body = {'name': name, 'ram': ram, 'vcpus': vcpus, 'disk': disk}
        compute.post('/flavors', json={'flavor': body})


def _image(admin: Api, file: pathlib.Path) -> str:
    glance = admin.of('image')
    rows = glance.get(f'/v2/images?name={IMAGE}').json()['images']
    active = next((row for row in rows if row['status'] == 'active'), None)
    if active:
        return active['id']
    for row in rows:
        # An upload that was cut short.
        glance.delete(f'/v2/images/{row["id"]}')
    say(f'uploading image {IMAGE} ({file.stat().st_size / 2**20:.0f} MiB)')
    body = {'name': IMAGE, 'disk_format': 'qcow2', 'container_format': 'bare', 'visibility': 'public'}
    image = glance.post('/v2/images', json=body).json()
    with file.open('rb') as data:
        glance.put(f'/v2/images/{image["id"]}/file', data=data, headers={'Content-Type': 'application/octet-stream'})
    return image['id']


def _outside(place: Place, admin: Api) -> str:
    """The id of the external network, on the bridge that leads to this host."""
    neutron = admin.of('network')
    place_of = {'provider:network_type': 'flat', 'provider:physical_network': outside.PHYSICAL}
    body = {'name': OUTSIDE, 'router:external': True, 'is_default': True, **place_of}
    network = _made(neutron, '/v2.0/networks', 'network', 'networks', body, 'external network')
    subnet = {'name': OUTSIDE, 'network_id': network['id'], 'ip_version': 4, 'cidr': outside.cidr(place)}
    _made(neutron, '/v2.0/subnets', 'subnet', 'subnets', {**subnet, 'enable_dhcp': False})
    return network['id']


def _network(demo: Api, outside_id: str) -> str:
    """The id of the demo's network, which has a router that leads outside."""
    neutron = demo.of('network')
    network = _made(neutron, '/v2.0/networks', 'network', 'networks', {'name': NETWORK})
    subnet = {'name': SUBNET, 'network_id': network['id'], 'ip_version': 4, 'cidr': CIDR}
    subnet = _made(neutron, '/v2.0/subnets', 'subnet', 'subnets', subnet)
    router = _made(neutron, '/v2.0/routers', 'router', 'routers', {'name': ROUTER})
    if not router['external_gateway_info']:
        through = {'router': {'external_gateway_info': {'network_id': outside_id}}}
        neutron.put(f'/v2.0/routers/{router["id"]}', json=through)
    ports = neutron.get(f'/v2.0/ports?device_id={router["id"]}&fixed_ips=subnet_id={subnet["id"]}').json()['ports']
    if not ports:
        neutron.put(f'/v2.0/routers/{router["id"]}/add_router_interface', json={'subnet_id': subnet['id']})
    return network['id']


def _rules(demo: Api) -> None:
    neutron = demo.of('network')
    group = _found(neutron, '/v2.0/security-groups', 'security_groups', 'default', project_id=demo.project)
    if group is None:
        raise Unable('the demo project has no security group named default.')
    for what, rule in {
        'ssh': {'protocol': 'tcp', 'port_range_min': 22, 'port_range_max': 22},
        'ping': {'protocol': 'icmp'},
    }.items():
        body = {'security_group_id': group['id'], 'direction': 'ingress', 'ethertype': 'IPv4', **rule}
        try:
            neutron.post('/v2.0/security-group-rules', json={'security_group_rule': body})
        except ksa.Conflict:
            continue
        say(f'opening {what} in the demo project')


def _key(place: Place, demo: Api) -> pathlib.Path:
    private = place.state / 'demo.key'
    public = private.with_suffix('.key.pub')
    if not (private.exists() and public.exists()):
        for path in (private, public):
            path.unlink(missing_ok=True)
        words = [
            'ssh-keygen',
            '-q',
            '-t',
            'ecdsa',
            '-b',
            '256',
            '-N',
            '',
            '-C',
            'nimbus-demo',
            '-f',
            str(private),
        ]
        subprocess.run(words, check=True)
    compute = demo.of('compute')
    mine = public.read_text().strip()
    there = [pair['keypair'] for pair in compute.get('/os-keypairs').json()['keypairs']]
    same = next((pair for pair in there if pair['name'] == KEY), None)
    if same and same['public_key'].split()[:2] != mine.split()[:2]:
        compute.delete(f'/os-keypairs/{KEY}')
        same = None
    if not same:
        say('creating key pair demo')
        compute.post('/os-keypairs', json={'keypair': {'name': KEY, 'public_key': mine}})
    return private


def _server(demo: Api, image: str, network: str, key: pathlib.Path) -> Demo:
    compute = demo.of('compute')
    began = time.monotonic()
    server = _found(compute, '/servers/detail', 'servers', SERVER)
    if server and server['status'] == 'ERROR':
        say('deleting server demo, which is in ERROR')
        compute.delete(f'/servers/{server["id"]}')
        _wait(compute, server['id'], 'DELETED')
        server = None
    if server is None:
        flavors = compute.get('/flavors').json()['flavors']
        flavor = next(row['id'] for row in flavors if row['name'] == 'm1.nano')
        say('booting server demo')
        body = {
            'name': SERVER, 'imageRef': image, 'flavorRef': flavor, 'key_name': KEY,
            'networks': [{'uuid': network}],
        }  # fmt: skip
        server = compute.post('/servers', json={'server': body}).json()['server']
    elif server['status'] == 'SHUTOFF':
        say('starting server demo')
        compute.post(f'/servers/{server["id"]}/action', json={'os-start': None})
    server = _wait(compute, server['id'], 'ACTIVE')
    seconds = time.monotonic() - began
    say(f'server demo is ACTIVE after {seconds:.1f} s')
    return Demo(server['id'], network, '', '', key, seconds)


def _reached(demo: Api, made: Demo, outside_id: str) -> Demo:
    """The server has a floating address and takes logins there."""
    compute, neutron = demo.of('compute'), demo.of('network')
    (port, *_) = neutron.get(f'/v2.0/ports?device_id={made.server_id}').json()['ports']
    there = neutron.get(f'/v2.0/floatingips?port_id={port["id"]}').json()['floatingips']
    if not there:
        say('giving server demo a floating IP')
        body = {'floating_network_id': outside_id, 'port_id': port['id']}
        there = [neutron.post('/v2.0/floatingips', json={'floatingip': body}).json()['floatingip']]
    address = there[0]['floating_ip_address']
    say('waiting for the guest to take logins')
    if not wait_until(lambda: _offers_login(address), TIMEOUT, 0.5):
        raise Unable(
            f'server demo takes no ssh at {address} after {TIMEOUT:.0f} s; see the end of its console:\n'
            + _console(compute, made.server_id)
        )
    return dataclasses.replace(made, address=address, console=_console(compute, made.server_id))


def _console(compute: adapter.Adapter, server_id: str) -> str:
    answer = compute.post(f'/servers/{server_id}/action', json={'os-getConsoleOutput': {'length': 12}})
    return answer.json()['output']


def _offers_login(address: str) -> bool:
    """Whether an ssh server greets from the address."""
    try:
        with socket.create_connection((address, 22), 2) as guest:
            return guest.recv(4).startswith(b'SSH')
    except OSError:
        return False


def _wait(compute: adapter.Adapter, server_id: str, status: str) -> dict:
    deadline = time.monotonic() + TIMEOUT
    seen = ''
    while True:
        try:
            server = compute.get(f'/servers/{server_id}').json()['server']
        except ksa.NotFound:
            if status == 'DELETED':
                return {}
            raise Unable('server demo has vanished while it was being waited for.') from None
        doing = server.get('OS-EXT-STS:task_state')
        if server['status'] == status and not doing:
            return server
        if server['status'] == 'ERROR' and status != 'DELETED':
            why = server.get('fault', {}).get('message', 'no reason given')
            raise Unable(f'server demo is in ERROR: {why}; `{BIN}/nimbus why {server_id}` shows what happened.')
        if (now := f'{server["status"]} {doing or ""}'.strip()) != seen:
            say(f'server demo: {now}')
            seen = now
        if time.monotonic() > deadline:
            raise Unable(f'server demo is still {now} after {TIMEOUT:.0f} s, not {status}.')
        time.sleep(0.25)
