"""What a tenant has: one of everything that a request can name."""

from typing import Any

from tests.wire.client import Answer, Client
from tests.wire.foreign import bodies, holdings
from tests.wire.identity import oauth_party

SECRETS = {'mine': 'the first password', 'theirs': 'the second password'}
LAST = {'mine': 1, 'theirs': 2}


class Maker:
    """Makes things by requests that must succeed, and keeps their ids."""

    def __init__(self, world: Any, things: dict[str, str], persona: str = 'admin') -> None:
        self.world, self.things, self.persona = world, things, persona

    def ask(self, service: str, method: str, path: str, body: Any = None, **more: str) -> Answer:
        """The answer to a request of whoever is at work."""
        answer: Answer = self.world(self.persona, service, method, path, body, **more)
        assert answer.status < 300, f'{self.persona} {method} {path}: {answer.status} {answer.data!r}'
        return answer

    def make(self, service: str, path: str, noun: str, kind: str | None = None, **told: Any) -> dict[str, Any]:
        """A new thing, kept under its kind."""
        made: dict[str, Any] = self.ask(service, 'POST', path, {noun: told}, OPENSTACK_API_VERSION='volume 3.44').json
        found: dict[str, Any] = made[noun]
        self.things[kind or noun] = str(found.get('id') or found.get('name'))
        return found

    def put(self, path: str, body: Any = None) -> None:
        """Something of identity is there."""
        self.ask('identity', 'PUT', path, body)

    def await_status(self, service: str, path: str, status: str) -> None:
        """What is at the path has come to the status."""
        self.world.cloud.wait(lambda: next(iter(self.ask(service, 'GET', path).json.values()))['status'] == status)


def settle_whole(world: Any) -> None:
    """What belongs to no tenant stands, and both find it under the same ids."""
    things: dict[str, str] = {'region': 'RegionOne', 'host': 'h1', 'zone': 'nova'}
    maker = Maker(world, things)
    maker.make('identity', '/v3/services', 'service', name='s', type='t')
    maker.make(
        'identity', '/v3/endpoints', 'endpoint', service_id=things['service'], interface='public', url='http://x'
    )
    maker.make('identity', '/v3/policies', 'policy', blob='{}', type='x')
    maker.make(
        'identity', '/v3/OS-EP-FILTER/endpoint_groups', 'endpoint_group', name='g', filters={'interface': 'public'}
    )
    limit = {'service_id': things['service'], 'resource_name': 'r', 'default_limit': 9}
    free = {'service_id': things['service'], 'resource_name': 'free', 'default_limit': 9}
    made = maker.ask('identity', 'POST', '/v3/registered_limits', {'registered_limits': [limit, free]}).json
    things['registered_limit'] = made['registered_limits'][0]['id']
    things |= {'idp': 'an-idp', 'protocol': 'a-protocol', 'mapping': 'a-mapping', 'sp': 'a-provider'}
    put = '/v3/OS-FEDERATION/{}/{}'.format
    idp = put('identity_providers', things['idp'])
    maker.put(put('mappings', things['mapping']), {'mapping': {'rules': [{'local': [], 'remote': [{'type': 'A'}]}]}})
    maker.put(idp, {'identity_provider': {}})
    maker.put(f'{idp}/protocols/{things["protocol"]}', {'protocol': {'mapping_id': things['mapping']}})
    provider = {'auth_url': 'http://x', 'sp_url': 'http://x', 'enabled': True}
    maker.put(put('service_providers', things['sp']), {'service_provider': provider})
    maker.make('identity', '/v3/regions', 'region', 'second region', id='RegionTwo')
    roles = maker.ask('identity', 'GET', '/v3/roles').json['roles']
    things |= {f'role {row["name"]}': row['id'] for row in roles}
    things['role'] = things['role member']
    maker.make('compute', '/v2.1/os-aggregates', 'aggregate', name='racks')
    hold = {'add_host': {'host': things['host']}}
    maker.ask('compute', 'POST', f'/v2.1/os-aggregates/{things["aggregate"]}/action', hold)
    maker.make('compute', '/v2.1/os-aggregates', 'aggregate', 'free aggregate', name='more racks')
    for kind, service, path, many in (
        ('hypervisor', 'compute', '/v2.1/os-hypervisors', 'hypervisors'),
        ('compute_service', 'compute', '/v2.1/os-services', 'services'),
        ('agent', 'network', '/v2.0/agents', 'agents'),
        ('provider', 'placement', '/resource_providers', 'resource_providers'),
    ):
        rows = maker.ask(service, 'GET', path).json[many]
        things[kind] = str(rows[0].get('id') or rows[0]['uuid'])
        if kind == 'agent':
            for part in ('l3', 'dhcp'):
                binary = f'neutron-{part}-agent'
                things[f'{part} agent'] = next(row['id'] for row in rows if row['binary'] == binary)
    maker.make('compute', '/v2.1/flavors', 'flavor', 'public flavor', name='public', ram=64, vcpus=1, disk=1)
    told = {'name': 'hidden', 'ram': 64, 'vcpus': 1, 'disk': 1, 'os-flavor-access:is_public': False}
    maker.make('compute', '/v2.1/flavors', 'flavor', 'free flavor', **told)
    maker.make('volume', '/v3/types', 'volume_type', 'public type', name='everybodys')
    told = {'name': 'granted to nobody', 'os-volume-type-access:is_public': False}
    maker.make('volume', '/v3/types', 'volume_type', 'free type', **told)
    told = {'name': 'for no host', 'extra_specs': {'volume_backend_name': 'nowhere'}}
    maker.make('volume', '/v3/types', 'volume_type', 'useless type', **told)
    outside = {'name': 'outside', 'router:external': True}
    maker.make('network', '/v2.0/networks', 'network', 'external network', **outside)
    told = {'network_id': things['external network'], 'ip_version': 4, 'cidr': '172.24.4.0/24', 'enable_dhcp': False}
    told |= {'allocation_pools': [{'start': '172.24.4.2', 'end': '172.24.4.99'}]}  # what is floating is chosen
    maker.make('network', '/v2.0/subnets', 'subnet', 'external subnet', **told)
    maker.ask('network', 'GET', '/v2.0/security-groups')  # a list makes one's default group once
    rows = maker.ask('network', 'GET', '/v2.0/default-security-group-rules').json['default_security_group_rules']
    things['default_rule'] = rows[0]['id']
    world.mine |= things | {'volume_type': things['public type']}
    told = {'name': 'nobodys', 'os-volume-type-access:is_public': False}
    maker.make('volume', '/v3/types', 'volume_type', **told)
    world.theirs |= things


def settle(world: Any, whose: str, things: dict[str, str]) -> None:
    """The tenant has everything, and its users are logged in."""
    maker = Maker(world, things)
    _people(maker, whose)
    _granted(maker, whose)
    maker.persona = f'{whose} member'
    _identity(maker, whose)
    _network(maker, whose)
    _storage(maker, whose)
    _server(maker, whose)
    maker.persona = 'admin'
    _defined(maker, whose)
    _lent(maker, whose)


def _people(maker: Maker, whose: str) -> None:
    from tests.wire.foreign.world import USERS

    things = maker.things
    maker.make('identity', '/v3/domains', 'domain', name=f'{whose} domain')
    maker.make('identity', '/v3/projects', 'project', name=f'{whose} project', domain_id=things['domain'])
    maker.make('identity', '/v3/groups', 'group', name=f'{whose} group', domain_id=things['domain'])
    maker.make('identity', '/v3/roles', 'role', 'domain_role', name=f'{whose} role', domain_id=things['domain'])
    for persona in USERS:
        told = {'name': f'{whose} {persona}', 'password': SECRETS[whose], 'domain_id': things['domain']}
        user = maker.make('identity', '/v3/users', 'user', f'{persona} user', **told)
        role = 'manager' if persona == 'leader' else persona
        place = f'domains/{things["domain"]}' if persona == 'manager' else f'projects/{things["project"]}'
        maker.put(f'/v3/{place}/users/{user["id"]}/roles/{things[f"role {role}"]}')
        at = {'domain': {'id': things['domain']}} if persona == 'manager' else {'project': {'id': things['project']}}
        maker.world.enter(f'{whose} {persona}', told['name'], told['password'], things['domain'], at)
    things |= {'user': things['member user'], 'user_name': f'{whose} member', 'project_name': f'{whose} project'}
    things |= {
        'domain_role_name': f'{whose} role',
        'domain_name': f'{whose} domain',
        'group_name': f'{whose} group',
        'token': maker.world.tokens[f'{whose} member'],
    }
    maker.put(f'/v3/groups/{things["group"]}/users/{things["user"]}')


def _granted(maker: Maker, whose: str) -> None:
    """What operators make for the tenant alone."""
    things = maker.things
    told = {'name': f'{whose} flavor', 'ram': 64, 'vcpus': 1, 'disk': 1, 'os-flavor-access:is_public': False}
    maker.make('compute', '/v2.1/flavors', 'flavor', **told)
    grant = {'addTenantAccess': {'tenant': things['project']}}
    maker.ask('compute', 'POST', f'/v2.1/flavors/{things["flavor"]}/action', grant)
    told = {'name': f'{whose} type', 'os-volume-type-access:is_public': False}
    maker.make('volume', '/v3/types', 'volume_type', 'granted type', **told)
    grant = {'addProjectAccess': {'project': things['project']}}
    maker.ask('volume', 'POST', f'/v3/types/{things["granted type"]}/action', grant)
    limit = {
        'service_id': things['service'],
        'resource_name': 'r',
        'resource_limit': 3,
        'project_id': things['project'],
    }
    made = maker.ask('identity', 'POST', '/v3/limits', {'limits': [limit]}).json
    things['limit'] = made['limits'][0]['id']
    maker.ask('compute', 'PUT', f'/v2.1/os-quota-sets/{things["project"]}', {'quota_set': {'cores': 17}})
    name, path = 'security_groups_default_statefulness', '/v2.0/security-groups-default-statefulness'
    maker.make('network', path, name, 'statefulness', stateful=True, project_id=things['project'])
    told = {'name': f'{whose} policy', 'project_id': things['project']}
    for kind in ('qos_policy', 'ruled qos_policy'):
        things[kind] = maker.ask('network', 'POST', '/v2.0/qos/policies', {'policy': told}).json['policy']['id']
    for kind, told in bodies.QOS.items():
        path = f'/v2.0/qos/policies/{things["ruled qos_policy"]}/{kind}_rules'
        maker.make('network', path, f'{kind}_rule', **told)


def _identity(maker: Maker, whose: str) -> None:
    things = maker.things
    told = {'trustor_user_id': things['user'], 'trustee_user_id': things['reader user'], 'impersonation': False}
    told |= {'project_id': things['project'], 'roles': [{'id': things['role']}]}
    maker.make('identity', '/v3/OS-TRUST/trusts', 'trust', **told)
    rules = [{'path': '/v2', 'method': 'GET', 'service': 'image'}]
    path = f'/v3/users/{things["user"]}'
    lent = maker.make(
        'identity',
        f'{path}/application_credentials',
        'application_credential',
        name=f'{whose} ac',
        access_rules=rules,
        secret=SECRETS[whose],
    )
    things['access_rule'] = lent['access_rules'][0]['id']
    things['application_credential_name'] = f'{whose} ac'
    maker.make('identity', '/v3/credentials', 'credential', type='x', blob='y', user_id=things['user'])
    made = maker.ask('identity', 'POST', f'{path}/credentials/OS-EC2', {'tenant_id': things['project']}).json
    things['ec2'] = made['credential']['access']


def _network(maker: Maker, whose: str) -> None:
    things, number = maker.things, LAST[whose]
    maker.make('network', '/v2.0/networks', 'network', name=f'{whose} network')
    maker.make('network', '/v2.0/networks', 'network', 'free network', name=f'{whose} other network')
    told = {'network_id': things['network'], 'ip_version': 4, 'cidr': f'10.{number}.0.0/24'}
    told |= {'allocation_pools': [{'start': f'10.{number}.0.2', 'end': f'10.{number}.0.199'}]}  # .200 is asked for
    maker.make('network', '/v2.0/subnets', 'subnet', **told)
    told = {'network_id': things['network'], 'ip_version': 4, 'cidr': f'10.{number}.1.0/24'}
    maker.make('network', '/v2.0/subnets', 'subnet', 'free subnet', **told)
    maker.make('network', '/v2.0/security-groups', 'security_group', name=f'{whose} group')
    told = {'security_group_id': things['security_group'], 'direction': 'ingress', 'ethertype': 'IPv4'}
    maker.make('network', '/v2.0/security-group-rules', 'security_group_rule', **told)
    told = {'object_type': 'network', 'object_id': things['network'], 'action': 'access_as_shared'}
    maker.make('network', '/v2.0/rbac-policies', 'rbac_policy', target_tenant='f' * 32, **told)
    maker.make('network', '/v2.0/address-groups', 'address_group', addresses=['10.0.0.0/8'])
    maker.make('network', '/v2.0/address-scopes', 'address_scope', name=f'{whose} scope', ip_version=4)
    told = {'name': f'{whose} pool', 'prefixes': [f'10.{number + 100}.0.0/16'], 'default_prefixlen': 24}
    maker.make('network', '/v2.0/subnetpools', 'subnetpool', **told)
    _wired(maker, whose)
    told = {'network_id': things['network'], 'name': f'{whose} port'}
    here, there = ([{'subnet_id': things[kind]}] for kind in ('subnet', 'free subnet'))
    made = maker.make('network', '/v2.0/ports', 'port', fixed_ips=here, **told)
    things |= {'address': made['fixed_ips'][0]['ip_address'], 'mac': made['mac_address']}
    twice = [*here, {**here[0], 'ip_address': f'10.{number}.0.200'}]
    more = told | {'fixed_ips': twice, 'security_groups': [things['security_group']]}
    made = maker.make('network', '/v2.0/ports', 'port', 'server port', **more)
    things['server address'], second = (fixed['ip_address'] for fixed in made['fixed_ips'])
    led = {'port_id': things['server port'], 'fixed_ip_address': second}
    _float(maker, whose, 'led floatingip', 'server floating address', 2, **led)
    maker.make('network', '/v2.0/ports', 'port', 'free port', fixed_ips=there, **told)
    maker.make('network', '/v2.0/security-groups', 'security_group', 'free group', name=f'{whose} other group')
    things |= {'security_group_name': f'{whose} group', 'network_name': f'{whose} network'}
    for kind in ('trunk port', 'subport', 'parent port', 'other parent port'):
        maker.make('network', '/v2.0/ports', 'port', kind, fixed_ips=there, **told)
    tagged = {'port_id': things['subport'], 'segmentation_type': 'vlan', 'segmentation_id': 7}
    maker.make('network', '/v2.0/trunks', 'trunk', port_id=things['trunk port'], sub_ports=[tagged])
    _steered(maker, number)


def _wired(maker: Maker, whose: str) -> None:
    """A router, and another between the external network and subnets with and without floating IPs."""
    things = maker.things
    maker.make('network', '/v2.0/routers', 'router', name=f'{whose} router')
    through = {'external_gateway_info': {'network_id': things['external network']}}
    maker.make('network', '/v2.0/routers', 'router', 'wired router', name=f'{whose} wired router', **through)
    _float(maker, whose, 'floatingip', 'floating address', 1)
    told = {'network_id': things['network'], 'ip_version': 4, 'cidr': f'10.{LAST[whose]}.3.0/24'}
    maker.make('network', '/v2.0/subnets', 'subnet', 'interface subnet', **told)
    path = f'/v2.0/routers/{things["wired router"]}/add_router_interface'
    for kind, port in (('subnet', 'busy interface port'), ('interface subnet', 'interface port')):
        things[port] = maker.ask('network', 'PUT', path, {'subnet_id': things[kind]}).json['port_id']


def _steered(maker: Maker, number: int) -> None:
    """What steers traffic: a floating IP that forwards a port, and a router that follows a protocol."""
    things = maker.things
    told = {'network_id': things['network'], 'ip_version': 4, 'cidr': f'10.{number}.2.0/24'}
    maker.make('network', '/v2.0/subnets', 'subnet', 'forwarded subnet', **told)
    plug = {'subnet_id': things['forwarded subnet']}
    maker.ask('network', 'PUT', f'/v2.0/routers/{things["wired router"]}/add_router_interface', plug)
    told = {'network_id': things['network'], 'fixed_ips': [plug]}
    maker.make('network', '/v2.0/ports', 'port', 'forwarded port', **told)
    floating = {'floating_network_id': things['external network']}
    maker.make('network', '/v2.0/floatingips', 'floatingip', 'forwarding floatingip', **floating)
    told = {'protocol': 'tcp', 'external_port': 2222, 'internal_port': 22, 'internal_port_id': things['forwarded port']}
    path = f'/v2.0/floatingips/{things["forwarding floatingip"]}/port_forwardings'
    maker.make('network', path, 'port_forwarding', **told)
    path = f'/v2.0/routers/{things["router"]}/conntrack_helpers'
    maker.make('network', path, 'conntrack_helper', protocol='tcp', port=21, helper='ftp')


def _float(maker: Maker, whose: str, kind: str, address: str, number: int, **more: str) -> None:
    """The tenant has a floating IP, whose address is not the beginning of another's."""
    things = maker.things
    things[address] = f'172.24.4.{LAST[whose] * 100 + number}'
    more |= {'floating_network_id': things['external network'], 'project_id': things['project']}
    maker.persona, was = 'admin', maker.persona
    maker.make('network', '/v2.0/floatingips', 'floatingip', kind, floating_ip_address=things[address], **more)
    maker.persona = was


def _import(maker: Maker, told: dict[str, str]) -> None:
    """The task of an import that was done."""
    path = f'/v2/images/{maker.ask("image", "POST", "/v2/images", told).json["id"]}'
    maker.ask('image', 'PUT', f'{path}/stage', b'\0' * 512, CONTENT_TYPE='application/octet-stream')
    maker.ask('image', 'POST', f'{path}/import', {'method': {'name': 'glance-direct'}})
    maker.world.cloud.wait(lambda: maker.ask('image', 'GET', path).json['status'] == 'active')
    (task,) = maker.ask('image', 'GET', f'{path}/tasks').json['tasks']
    maker.things['image_task'] = task['id']


def _storage(maker: Maker, whose: str) -> None:
    things = maker.things
    told = {'name': f'{whose} image', 'disk_format': 'raw', 'container_format': 'bare', 'visibility': 'shared'}
    things['image'] = maker.ask('image', 'POST', '/v2/images', told).json['id']
    path = f'/v2/images/{things["image"]}'
    maker.ask('image', 'PUT', f'{path}/file', b'\0' * 65536, CONTENT_TYPE='application/octet-stream')
    _import(maker, told)
    for kind in ('volume', 'server volume'):
        maker.make('volume', '/v3/volumes', 'volume', kind, size=1, name=f'{whose} volume')
        maker.await_status('volume', f'/v3/volumes/{things[kind]}', 'available')
    ready = {'os-set_bootable': {'bootable': True}}
    maker.ask('volume', 'POST', f'/v3/volumes/{things["volume"]}/action', ready)
    told = {'volume_id': things['volume'], 'name': f'{whose} snapshot', 'metadata': {'k': 'v'}}
    maker.make('volume', '/v3/snapshots', 'snapshot', **told)
    maker.await_status('volume', f'/v3/snapshots/{things["snapshot"]}', 'available')
    _backed_up(maker, whose)
    holdings.settle(maker, whose)


def _backed_up(maker: Maker, whose: str) -> None:
    """A backup, and what others are made of and restored into: what is asked of one does not wait for another."""
    things = maker.things
    for kind in ('backed volume', 'refilled volume'):
        maker.make('volume', '/v3/volumes', 'volume', kind, size=1, name=f'{whose} {kind}')
        maker.await_status('volume', f'/v3/volumes/{things[kind]}', 'available')
    told = {'volume_id': things['backed volume'], 'name': f'{whose} backed snapshot'}
    maker.make('volume', '/v3/snapshots', 'snapshot', 'backed snapshot', **told)
    maker.await_status('volume', f'/v3/snapshots/{things["backed snapshot"]}', 'available')
    told = {'volume_id': things['backed volume'], 'name': f'{whose} backup', 'metadata': {'k': 'v'}}
    maker.make('volume', '/v3/backups', 'backup', **told)
    maker.await_status('volume', f'/v3/backups/{things["backup"]}', 'available')


def _server(maker: Maker, whose: str) -> None:
    things = maker.things
    maker.make('compute', '/v2.1/os-keypairs', 'keypair', name=f'{whose} key')
    told = {'name': f'{whose} group', 'policies': ['affinity']}
    maker.make('compute', '/v2.1/os-server-groups', 'server_group', **told)
    told = {'flavorRef': things['flavor'], 'imageRef': things['image'], 'networks': [{'port': things['server port']}]}
    told |= {'name': f'{whose} server', 'key_name': things['keypair']}
    made = maker.ask('compute', 'POST', '/v2.1/servers', {'server': told}).json['server']
    things['server'] = made['id']
    path = f'/v2.1/servers/{made["id"]}'
    maker.await_status('compute', path, 'ACTIVE')
    body = {'volumeAttachment': {'volumeId': things['server volume']}}
    maker.ask('compute', 'POST', f'{path}/os-volume_attachments', body)
    maker.await_status('volume', f'/v3/volumes/{things["server volume"]}', 'in-use')
    rows = maker.ask('volume', 'GET', '/v3/attachments', OPENSTACK_API_VERSION='volume 3.44').json['attachments']
    things['attachment'] = next(row['id'] for row in rows if row['volume_id'] == things['server volume'])
    asked = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
    opened = maker.ask('compute', 'POST', f'{path}/remote-consoles', asked, OPENSTACK_API_VERSION='compute 2.90').json
    things['console_token'] = opened['remote_console']['url'].rpartition('token%3D')[2]
    maker.ask('compute', 'PUT', f'{path}/tags/{LAST[whose]}', OPENSTACK_API_VERSION='compute 2.90')
    actions = maker.ask('compute', 'GET', f'{path}/os-instance-actions').json['instanceActions']
    things['request'] = actions[0]['request_id']


def _defined(maker: Maker, whose: str) -> None:
    """A private namespace of metadata definitions, with one of everything."""
    things = maker.things
    things['metadef_namespace'] = f'{whose} namespace'
    property_ = {'title': 'x', 'type': 'string'}
    told = {'namespace': things['metadef_namespace'], 'owner': things['project'], 'tags': [{'name': '1'}]}
    told |= {'objects': [{'name': 'x', 'properties': {'x': property_}}], 'properties': {'x': property_}}
    told |= {'resource_type_associations': [{'name': 'x', 'prefix': 'x:'}]}
    maker.ask('image', 'POST', '/v2/metadefs/namespaces', told)


def _lent(maker: Maker, whose: str) -> None:
    """What a consumer was lent by OAuth 1, and what it still asks for."""
    things, world = maker.things, maker.world

    def cloud(method: str, path: str, body: Any, _token: str, **headers: str) -> Answer:
        return Client(world.cloud.apps['identity'])(method, path, body, None, **headers)

    made = maker.make('identity', '/v3/OS-OAUTH1/consumers', 'consumer', description=whose)
    party = oauth_party.Party(cloud, made['id'], made['secret'])
    told = {'requested_project_id': things['project']}
    asked = party.read(party.post('/v3' + oauth_party.ASK, None, told, callback_uri='oob'))
    things['request_token'] = asked['oauth_token']
