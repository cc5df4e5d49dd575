"""Plants a seed over a cloud's REST APIs: what stands already, by its name, stays as it is."""

import contextlib
from collections.abc import Iterator
from typing import Any

from nimbus.testing.seeds.rest import Cloud, Login
from nimbus.testing.seeds.servers import Servers
from nimbus.testing.seeds.things import Things

PIECE = 1 << 16  # bytes of an image's data that are sent at once
ZONE = 'nova'


def plant(cloud: Cloud, seed: dict[str, Any]) -> None:
    """The cloud has what the seed describes.  Raises Failed."""
    planter = Planter(cloud)
    for kind, verb in (
        ('roles', planter.role),
        ('projects', planter.project),
        ('users', planter.user),
        ('hosts', planter.host),
        ('flavors', planter.flavor),
        ('images', planter.image),
        ('networks', planter.network),
        ('routers', planter.router),
    ):
        for row in seed.get(kind, ()):
            verb(row)
    owners = [(user, project) for user in seed.get('users', ()) for project in user.get('roles', {})]
    Servers(planter.things, cloud, owners, planter.as_admin_of).plant(seed.get('servers', ()))


class Planter:
    """Plants one row after the other as the cloud's admin."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.admin = cloud, cloud.login()
        self.things = Things(self.admin)

    def role(self, row: dict[str, Any]) -> None:
        self.things.ensure('identity', '/roles', 'role', row['name'], {'name': row['name']})

    def project(self, row: dict[str, Any]) -> None:
        body = {'name': row['name'], 'description': row.get('description', '')}
        project = self.things.ensure('identity', '/projects', 'project', row['name'], body)
        for service, limits in row.get('quotas', {}).items():
            place = ('/v2.0/quotas', 'quota') if service == 'network' else ('/os-quota-sets', 'quota_set')
            self.admin.put(service, f'{place[0]}/{project}', {place[1]: limits})

    def user(self, row: dict[str, Any]) -> None:
        body = {'name': row['name'], 'password': row.get('password', self.cloud.password), 'email': row.get('email')}
        if 'project' in row:
            body['default_project_id'] = self.things.id_of('project', row['project'])
        user = self.things.ensure('identity', '/users', 'user', row['name'], body)
        for project, roles in row.get('roles', {}).items():
            for role in roles:
                there = f'/projects/{self.things.id_of("project", project)}/users/{user}'
                self.admin.put('identity', f'{there}/roles/{self.things.id_of("role", role)}')

    def host(self, row: dict[str, Any]) -> None:
        """The host is there by itself; what is planted is its zone, as an aggregate."""
        zone, host = row.get('zone', ZONE), row['name']
        if zone == ZONE:
            return
        self.admin.until(lambda: host in self._hosts(), f'The host {host} did not report')
        known = {one['name']: one for one in self.admin.get('compute', '/os-aggregates')['aggregates']}
        found = known.get(zone)
        if found is None:
            body = {'aggregate': {'name': zone, 'availability_zone': zone}}
            found = self.admin.post('compute', '/os-aggregates', body)['aggregate']
        if host not in found.get('hosts', ()):
            self.admin.post('compute', f'/os-aggregates/{found["id"]}/action', {'add_host': {'host': host}})

    def _hosts(self) -> list[str]:
        services = self.admin.get('compute', '/os-services?binary=nova-compute')['services']
        return [service['host'] for service in services]

    def flavor(self, row: dict[str, Any]) -> None:
        if self.things.find('flavor', row['name'], row.get('id')):
            return
        body = {name: row[name] for name in ('name', 'id', 'ram', 'vcpus', 'disk', 'swap') if name in row}
        body['os-flavor-access:is_public'] = row.get('public', True)
        body['OS-FLV-EXT-DATA:ephemeral'] = row.get('ephemeral', 0)
        made = self.admin.post('compute', '/flavors', {'flavor': body})['flavor']['id']
        self.things.learn('flavor', row['name'], made)
        if row.get('extra_specs'):
            self.admin.post('compute', f'/flavors/{made}/os-extra_specs', {'extra_specs': row['extra_specs']})
        for project in row.get('projects', ()):
            access = {'addTenantAccess': {'tenant': self.things.id_of('project', project)}}
            self.admin.post('compute', f'/flavors/{made}/action', access)

    def image(self, row: dict[str, Any]) -> None:
        """The image has a disk of zeros, of which fake guests read nothing; without bytes it stays queued."""
        if self.things.find('image', row['name']):
            return
        visibility = 'private' if 'project' in row else 'public'
        body = {'disk_format': 'raw', 'container_format': 'bare', 'visibility': visibility, **row.get('properties', {})}
        named = ('name', 'visibility', 'disk_format', 'container_format', 'min_disk', 'min_ram', 'tags', 'protected')
        body |= {name: row[name] for name in named if name in row}
        body['owner'] = self.things.id_of('project', row.get('project', 'admin'))
        made = self.admin.post('image', '/v2/images', body)['id']
        self.things.learn('image', row['name'], made)
        if size := row.get('bytes', PIECE):
            told = {'Content-Type': 'application/octet-stream'}
            self.admin.ask('PUT', 'image', f'/v2/images/{made}/file', data=_zeros(size), headers=told)

    def network(self, row: dict[str, Any]) -> None:
        project = self.things.id_of('project', row.get('project', 'admin'))
        body = {'name': row['name'], 'project_id': project, 'shared': row.get('shared', False)}
        body |= {'router:external': row.get('external', False), 'is_default': row.get('default', False)}
        network = self.things.ensure('network', '/v2.0/networks', 'network', row['name'], body, project_id=project)
        for subnet in row.get('subnets', ()):
            self.subnet(subnet, network, project)

    def subnet(self, row: dict[str, Any], network: str, project: str) -> None:
        body: dict[str, Any] = {'name': row['name'], 'network_id': network, 'project_id': project, 'cidr': row['cidr']}
        body |= {'ip_version': 6 if ':' in row['cidr'] else 4, 'enable_dhcp': row.get('dhcp', True)}
        if 'gateway' in row:
            body['gateway_ip'] = row['gateway']
        if 'dns_servers' in row:
            body['dns_nameservers'] = row['dns_servers']
        if 'pools' in row:
            body['allocation_pools'] = [{'start': first, 'end': last} for first, last in row['pools']]
        self.things.ensure('network', '/v2.0/subnets', 'subnet', row['name'], body, network_id=network)

    def router(self, row: dict[str, Any]) -> None:
        project = self.things.id_of('project', row.get('project', 'admin'))
        body: dict[str, Any] = {'name': row['name'], 'project_id': project}
        if 'external' in row:
            body['external_gateway_info'] = {'network_id': self.things.id_of('network', row['external'])}
        router = self.things.ensure('network', '/v2.0/routers', 'router', row['name'], body, project_id=project)
        ports = self.admin.rows('network', f'/v2.0/ports?device_id={router}', 'ports')
        joined = {address['subnet_id'] for port in ports for address in port['fixed_ips']}
        for name in row.get('subnets', ()):
            subnet = self.things.id_of('subnet', name)
            if subnet not in joined:
                self.admin.put('network', f'/v2.0/routers/{router}/add_router_interface', {'subnet_id': subnet})

    @contextlib.contextmanager
    def as_admin_of(self, project: str) -> Iterator[Login]:
        """The admin in that project, where he has the role within the block."""
        if project == 'admin':
            yield self.admin
            return
        admin = self.things.id_of('user', 'admin')
        grant = f'/projects/{self.things.id_of("project", project)}/users/{admin}/roles/'
        grant += self.things.id_of('role', 'admin')
        self.admin.put('identity', grant)
        try:
            yield self.cloud.login('admin', project)
        finally:
            self.admin.ask('DELETE', 'identity', grant)


def _zeros(size: int) -> Iterator[bytes]:
    for start in range(0, size, PIECE):
        yield bytes(min(PIECE, size - start))
