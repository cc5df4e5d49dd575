"""What a cloud of one process makes of ports and networks between tenants and between hosts."""

import pytest

from nimbus.cli import why
from nimbus.cmd.manage import checks
from nimbus.compute.servers import guests
from tests.cloud import PASSWORD
from tests.whole.test_servers import boot, gone, settled


@pytest.fixture
def stranger(cloud, admin):
    """A member of another project."""
    project = admin.post('identity', '/projects', {'project': {'name': 'far'}})['project']['id']
    body = {'user': {'name': 'stranger', 'password': PASSWORD}}
    user = admin.post('identity', '/users', body)['user']['id']
    (role,) = [one['id'] for one in admin.get('identity', '/roles')['roles'] if one['name'] == 'member']
    admin.request('PUT', 'identity', f'/projects/{project}/users/{user}/roles/{role}')
    return cloud.client('stranger', 'far')


def network_of(user, cidr):
    """A network with a subnet."""
    made = user.post('network', '/v2.0/networks', {'network': {'name': 'n'}})['network']['id']
    user.post('network', '/v2.0/subnets', {'subnet': {'network_id': made, 'cidr': cidr, 'ip_version': 4}})
    return made


def seen(user, server):
    """All that a server shows of its network cards."""
    path = f'/servers/{server}'
    return (
        user.get('compute', path)['server']['addresses'],
        user.get('compute', f'{path}/os-interface')['interfaceAttachments'],
        user.get('compute', f'{path}/os-security-groups')['security_groups'],
    )


def test_a_strangers_port_that_names_a_server_changes_nothing_of_it(cloud, admin, stranger, flavor, image, network):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks=[{'uuid': network}])
    id = server['id']
    before = seen(admin, id)
    port = {'network_id': network_of(stranger, '10.72.0.0/24'), 'device_id': id, 'device_owner': 'compute:nova'}
    far = stranger.post('network', '/v2.0/ports', {'port': port})['port']['id']
    assert seen(admin, id) == before
    admin.post('network', '/v2.0/security-groups', {'security_group': {'name': 'mine'}})
    body = {'addSecurityGroup': {'name': 'mine'}}
    assert admin.request('POST', 'compute', f'/servers/{id}/action', body).status_code == 202
    assert admin.request('POST', 'compute', f'/servers/{id}/action', {'reboot': {'type': 'HARD'}}).status_code == 202
    assert settled(cloud, admin, id)['status'] == 'ACTIVE'
    with cloud.parts.db.read() as tx:
        told = guests.describe(tx, id)['nics']
    assert [nic['port_id'] for nic in told] == [before[1][0]['port_id']]
    admin.delete('compute', f'/servers/{id}')
    gone(cloud, admin, id)
    kept = stranger.get('network', f'/v2.0/ports/{far}')['port']
    assert (kept['device_id'], kept['device_owner']) == (id, 'compute:nova')


def test_a_network_on_two_hosts_serves_both_and_says_that_they_are_apart(cloud, admin, flavor, image, network):
    servers = [
        boot(cloud, admin, flavorRef=flavor, imageRef=image, networks=[{'uuid': network}], availability_zone=zone)
        for zone in ('nova:h1', 'nova:h2')
    ]
    assert [server['status'] for server in servers] == ['ACTIVE', 'ACTIVE']
    agents = admin.get('network', f'/v2.0/networks/{network}/dhcp-agents')['agents']
    assert sorted(agent['host'] for agent in agents) == ['h1', 'h2']
    dhcp = admin.get('network', f'/v2.0/ports?network_id={network}&device_owner=network:dhcp')['ports']
    assert len({port['fixed_ips'][0]['ip_address'] for port in dhcp}) == 2
    cloud.wait(
        lambda: all(
            port['status'] == 'ACTIVE' for port in admin.get('network', f'/v2.0/ports?network_id={network}')['ports']
            if port['device_owner'] != 'network:dhcp'
        )
    )  # fmt: skip

    class Asked:
        def get(self, service, path, version):
            return admin.get(service, path, version)

    (line,) = why.apart(Asked(), servers[0])
    assert f'Network {network} is local to each host' in line and 'on h2' in line
    ((level, sentence),) = [(one.level, one.sentence) for one in checks.run(cloud.conf, cloud.parts, [checks.networks])]
    assert level == checks.WARNING and 'h1, h2' in sentence
    admin.delete('compute', f'/servers/{servers[1]["id"]}')
    gone(cloud, admin, servers[1]['id'])
    assert why.apart(Asked(), servers[0]) == []
    (left,) = admin.get('network', f'/v2.0/networks/{network}/dhcp-agents')['agents']
    assert left['host'] == 'h1'
