"""Writes a cloud as a seed file, as its REST APIs show it to the admin; without secrets and what has no place there."""

from collections.abc import Iterator
from typing import Any

import yaml

from nimbus.testing.seeds import files
from nimbus.testing.seeds.rest import Cloud
from nimbus.testing.seeds.shape import STATES

BUILT_IN_USERS = ('admin', 'nimbus')
ZONE = 'nova'
PLAIN_FIELDS = ('disk_format', 'container_format', 'visibility', 'min_disk', 'min_ram', 'protected')
IMAGE_FIELDS = frozenset(
    'id name owner status visibility disk_format container_format size virtual_size checksum min_disk min_ram '
    'protected tags created_at updated_at file self schema os_hash_algo os_hash_value os_hidden locations '
    'direct_url stores owner_specified'.split()
)


def text_of(seed: dict[str, Any]) -> str:
    """The seed as the text of a file."""
    return yaml.safe_dump(seed, sort_keys=False, allow_unicode=True, width=120)


def dump(cloud: Cloud) -> dict[str, Any]:
    """What the cloud has, as a seed that plants the like into an empty one."""
    return {kind: rows for kind, rows in Dump(cloud).everything() if rows}


class Dump:
    """One look over a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.admin = cloud.login()
        self.projects = {row['id']: row for row in self.admin.rows('identity', '/projects', 'projects')}
        self.users = {row['id']: row for row in self.admin.rows('identity', '/users', 'users')}
        self.flavors = self._flavor_rows()
        self.images = {row['id']: row for row in self.admin.rows('image', '/v2/images?limit=100', 'images')}
        self.networks = {row['id']: row for row in self.admin.rows('network', '/v2.0/networks', 'networks')}
        self.subnets = {row['id']: row for row in self.admin.rows('network', '/v2.0/subnets', 'subnets')}
        self.servers = self.admin.rows('compute', '/servers/detail?all_tenants=true', 'servers')

    def everything(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """The rows of each kind, in the order of the file."""
        yield 'hosts', [*self._hosts()]
        yield 'roles', [{'name': row['name']} for row in self._roles() if row['name'] not in files.ROLES]
        yield 'projects', [self._project(row) for row in self._own_projects()]
        yield 'users', [self._user(row) for row in self.users.values() if row['name'] not in BUILT_IN_USERS]
        yield 'flavors', [self._flavor(row) for row in self.flavors.values()]
        yield 'images', [self._image(row) for row in self._own_images()]
        yield 'networks', [self._network(row) for row in self.networks.values()]
        yield 'routers', [self._router(row) for row in self.admin.rows('network', '/v2.0/routers', 'routers')]
        yield 'servers', [row for server in self.servers if (row := self._server(server))]

    def _hosts(self) -> Iterator[dict[str, Any]]:
        services = self.admin.get('compute', '/os-services?binary=nova-compute')['services']
        zones = {service['host']: service['zone'] for service in services}
        for row in self.admin.rows('compute', '/os-hypervisors/detail', 'hypervisors'):
            host = {'name': row['service']['host']}
            if (zone := zones.get(host['name'], ZONE)) != ZONE:
                host['zone'] = zone
            yield host | {'vcpus': row['vcpus'], 'memory_mb': row['memory_mb'], 'disk_gb': row['local_gb']}

    def _roles(self) -> list[dict[str, Any]]:
        return self.admin.rows('identity', '/roles', 'roles')

    def _own_projects(self) -> list[dict[str, Any]]:
        return [row for row in self.projects.values() if row['name'] not in files.BUILT_IN and not row['is_domain']]

    def _project(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {'name': row['name']} | ({'description': row['description']} if row['description'] else {})
        quotas = {
            service: limits for service in ('compute', 'network', 'volume') if (limits := self._quotas(service, row))
        }
        return found | ({'quotas': quotas} if quotas else {})

    def _quotas(self, service: str, project: dict[str, Any]) -> dict[str, int]:
        """The limits that the project has for itself."""
        path, more, key = (
            ('/v2.0/quotas', 'default', 'quota')
            if service == 'network'
            else ('/os-quota-sets', 'defaults', 'quota_set')
        )
        own = self.admin.get(service, f'{path}/{project["id"]}')[key]
        usual = self.admin.get(service, f'{path}/{project["id"]}/{more}')[key]
        return {name: limit for name, limit in own.items() if isinstance(limit, int) and usual.get(name) != limit}

    def _user(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {'name': row['name']}
        if (project := self.projects.get(row.get('default_project_id') or '')) is not None:
            found['project'] = project['name']
        if row.get('email'):
            found['email'] = row['email']
        path = f'/role_assignments?user.id={row["id"]}&include_names=true'
        roles: dict[str, list[str]] = {}
        for one in self.admin.rows('identity', path, 'role_assignments'):
            if (scope := one['scope'].get('project')) and not one['scope'].get('OS-INHERIT:inherited_to'):
                roles.setdefault(scope['name'], []).append(one['role']['name'])
        return found | ({'roles': roles} if roles else {})

    def _flavor_rows(self) -> dict[str, dict[str, Any]]:
        rows = self.admin.rows('compute', '/flavors/detail?is_public=None', 'flavors')
        return {row['name']: row for row in rows}

    def _flavor(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {name: row[name] for name in ('name', 'id', 'ram', 'vcpus', 'disk')}
        found |= {name: value for name, value in (('swap', row['swap']),) if value}
        if row['OS-FLV-EXT-DATA:ephemeral']:
            found['ephemeral'] = row['OS-FLV-EXT-DATA:ephemeral']
        if row.get('extra_specs'):
            found['extra_specs'] = row['extra_specs']
        if not row['os-flavor-access:is_public']:
            found['public'] = False
            rows = self.admin.get('compute', f'/flavors/{row["id"]}/os-flavor-access')['flavor_access']
            if names := [self.projects[one['tenant_id']]['name'] for one in rows if one['tenant_id'] in self.projects]:
                found['projects'] = names
        return found

    def _own_images(self) -> list[dict[str, Any]]:
        """The images but those that shelved servers will be made of."""
        shelved = {server['id'] for server in self.servers if server['status'].startswith('SHELVED')}
        there = [row for row in self.images.values() if row['status'] in ('active', 'queued')]
        return [row for row in there if row.get('instance_uuid') not in shelved]

    def _image(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {'name': row['name']} | self._owner(row['owner'])
        found |= {name: row[name] for name in PLAIN_FIELDS if row[name]}
        found['bytes'] = row['size'] or 0
        if row['tags']:
            found['tags'] = sorted(row['tags'])
        properties = {name: value for name, value in row.items() if name not in IMAGE_FIELDS and isinstance(value, str)}
        return found | ({'properties': properties} if properties else {})

    def _owner(self, project: str | None) -> dict[str, str]:
        name = self.projects[project]['name'] if project in self.projects else 'admin'
        return {} if name == 'admin' else {'project': name}

    def _network(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {'name': row['name']} | self._owner(row['project_id'])
        flags = (('shared', 'shared'), ('external', 'router:external'), ('default', 'is_default'))
        found |= {name: True for name, field in flags if row.get(field)}
        subnets = [self._subnet(self.subnets[one]) for one in row['subnets'] if one in self.subnets]
        return found | ({'subnets': subnets} if subnets else {})

    def _subnet(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {'name': row['name'], 'cidr': row['cidr'], 'dhcp': row['enable_dhcp'], 'gateway': row['gateway_ip']}
        if row['dns_nameservers']:
            found['dns_servers'] = row['dns_nameservers']
        return found | {'pools': [[pool['start'], pool['end']] for pool in row['allocation_pools']]}

    def _router(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {'name': row['name']} | self._owner(row['project_id'])
        outside = (row['external_gateway_info'] or {}).get('network_id')
        if outside in self.networks:
            found['external'] = self.networks[outside]['name']
        path = f'/v2.0/ports?device_id={row["id"]}&device_owner=network:router_interface'
        ports = self.admin.rows('network', path, 'ports')
        joined = {address['subnet_id'] for port in ports for address in port['fixed_ips']}
        names = [self.subnets[one]['name'] for one in self.subnets if one in joined]
        return found | ({'subnets': names} if names else {})

    def _server(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The server; None where it is in a state, or of an image or flavor, that cannot be planted."""
        image = self.images.get((row['image'] or {}).get('id', ''))
        flavor, state = row['flavor']['original_name'], row['status']
        if image is None or flavor not in self.flavors or state not in STATES:
            return None
        found = {'name': row['name'], 'project': self.projects[row['tenant_id']]['name']}
        if (user := self.users.get(row['user_id'])) and user['name'] not in BUILT_IN_USERS:
            found['user'] = user['name']
        found |= {'flavor': flavor, 'image': image['name']}
        there = {network['name'] for network in self.networks.values()}
        if networks := [name for name in row['addresses'] if name in there]:
            found['networks'] = networks
        if row['metadata']:
            found['metadata'] = row['metadata']
        # The API does not name the flavor that a resized server had before, so it is written as if it were confirmed.
        return found | {'state': 'ACTIVE' if state == 'VERIFY_RESIZE' else state}
