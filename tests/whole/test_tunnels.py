"""A cloud of two hosts whose projects get networks that tunnels carry."""

import pytest

from nimbus.cli import why
from nimbus.cmd.manage import checks
from nimbus.network.agent.fake import driver
from tests.cloud import Cloud
from tests.whole.test_servers import boot, gone


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path, hosts=2, **{'network.tenant_network_types': ['vxlan']}) as made:
        yield made


def test_servers_on_two_hosts_reach_each_other_and_one_host_serves_both(cloud, admin, flavor, image, network):
    servers = [
        boot(cloud, admin, flavorRef=flavor, imageRef=image, networks=[{'uuid': network}], availability_zone=zone)
        for zone in ('nova:h1', 'nova:h2')
    ]
    assert [server['status'] for server in servers] == ['ACTIVE', 'ACTIVE']
    assert len(admin.get('network', f'/v2.0/networks/{network}/dhcp-agents')['agents']) == 1
    made = [admin.get('network', f'/v2.0/ports?device_id={one["id"]}')['ports'][0] for one in servers]
    addresses = [port['fixed_ips'][0]['ip_address'] for port in made]
    cloud.wait(lambda: driver.host('h1').reaches(made[0]['id'], addresses[1]))
    cloud.wait(lambda: driver.host('h2').reaches(made[1]['id'], addresses[0]))

    class Asked:
        def get(self, service, path, version):
            return admin.get(service, path, version)

    assert why.apart(Asked(), servers[0]) == []
    assert {one.level for one in checks.run(cloud.conf, cloud.parts, [checks.networks])} <= {checks.GOOD}
    cloud.restart('network', 'h1')
    assert driver.host('h1').reaches(made[0]['id'], addresses[1])
    admin.delete('compute', f'/servers/{servers[1]["id"]}')
    gone(cloud, admin, servers[1]['id'])
    cloud.wait(lambda: not driver.host('h1').reaches(made[0]['id'], addresses[1]))


def test_agents_are_listed_with_the_ends_of_their_tunnels(cloud, admin):
    def ends():
        found = admin.get('network', '/v2.0/agents?binary=neutron-openvswitch-agent')['agents']
        return {one['host']: one['configurations']['tunneling_ip'] for one in found}

    assert cloud.wait(lambda: len(ends()) == 2 and ends()) == {name: driver.end_of(name) for name in ('h1', 'h2')}
