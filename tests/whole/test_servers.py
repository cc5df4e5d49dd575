"""A server's whole life in a cloud of one process: real daemons, fake hosts."""

from nimbus.compute.agent.fake.host import FakeHost


def boot(cloud, user, version='2.37', **more):
    """A server that is ACTIVE, as it shows itself."""
    made = user.post('compute', '/servers', {'server': {'name': 's', **more}}, version)['server']['id']
    return settled(cloud, user, made)


def settled(cloud, user, server, *states):
    """The server once it has come to rest, in one of the states if they are named."""

    def look():
        shown = user.get('compute', f'/servers/{server}')['server']
        rests = shown['OS-EXT-STS:task_state'] is None and shown['status'] != 'BUILD'
        return shown if rests and (not states or shown['status'] in states) else None

    return cloud.wait(look)


def gone(cloud, user, server):
    """Wait until the server cannot be found."""
    cloud.wait(lambda: user.request('GET', 'compute', f'/servers/{server}').status_code == 404)


def test_a_server_with_a_network_is_born_and_leaves_nothing(cloud, admin, flavor, image, network):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks=[{'uuid': network}])
    assert server['status'] == 'ACTIVE', server.get('fault')
    host = server['OS-EXT-SRV-ATTR:host']
    assert list(server['addresses']) == ['net']
    assert server['id'] in FakeHost.named(host).all()
    ports = admin.get('network', f'/v2.0/ports?device_id={server["id"]}')['ports']
    assert [port['status'] for port in ports] == ['ACTIVE']
    assert ports[0]['binding:host_id'] == host
    admin.delete('compute', f'/servers/{server["id"]}')
    gone(cloud, admin, server['id'])
    assert server['id'] not in FakeHost.named(host).all()
    assert admin.get('network', f'/v2.0/ports?device_id={server["id"]}')['ports'] == []
    used = admin.get('compute', '/limits')['limits']['absolute']
    assert (used['totalInstancesUsed'], used['totalRAMUsed']) == (0, 0)


def test_a_server_stops_starts_and_reboots(cloud, admin, flavor, image):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks='none')['id']
    act = f'/servers/{server}/action'
    for body, status in (
        ({'os-stop': None}, 'SHUTOFF'),
        ({'os-start': None}, 'ACTIVE'),
        ({'reboot': {'type': 'SOFT'}}, 'ACTIVE'),
        ({'reboot': {'type': 'HARD'}}, 'ACTIVE'),
    ):
        assert admin.request('POST', 'compute', act, body).status_code == 202
        assert settled(cloud, admin, server)['status'] == status
    actions = admin.get('compute', f'/servers/{server}/os-instance-actions')['instanceActions']
    assert [row['action'] for row in actions] == ['reboot', 'reboot', 'start', 'stop', 'create']


def test_a_host_that_refuses_is_passed_over_for_another(cloud, admin, flavor, image):
    from nimbus.compute.agent.driver import Refused

    for name in cloud.hosts[:1]:
        FakeHost.named(name).fail('spawn', Refused('This host refuses.'), 1)
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks='none')
    assert server['status'] == 'ACTIVE', server.get('fault')


def test_a_server_too_large_for_every_host_says_why(cloud, admin, image):
    body = {'flavor': {'name': 'huge', 'ram': 1 << 20, 'vcpus': 1, 'disk': 1}}
    huge = admin.post('compute', '/flavors', body)['flavor']['id']
    server = admin.put('compute', f'/os-quota-sets/{admin.session.get_project_id()}', {'quota_set': {'ram': -1}})
    server = boot(cloud, admin, flavorRef=huge, imageRef=image, networks='none')
    assert server['status'] == 'ERROR'
    assert 'No valid host was found' in server['fault']['message']
    assert '1048576 MiB of memory' in server['fault']['message']
    assert 'RamFilter removed 2' in server['fault']['details']


def test_an_agent_that_comes_back_finds_its_guests(cloud, admin, flavor, image):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks='none')
    host = server['OS-EXT-SRV-ATTR:host']
    cloud.restart('compute', host)
    admin.request('POST', 'compute', f'/servers/{server["id"]}/action', {'os-stop': None})
    assert settled(cloud, admin, server['id'])['status'] == 'SHUTOFF'
    admin.delete('compute', f'/servers/{server["id"]}')
    gone(cloud, admin, server['id'])
    assert server['id'] not in FakeHost.named(host).all()


def test_a_delete_while_its_host_is_away_is_kept_for_its_return(cloud, admin, flavor, image):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks='none')
    host = server['OS-EXT-SRV-ATTR:host']
    cloud.stop('compute', host)
    admin.delete('compute', f'/servers/{server["id"]}')
    cloud.start('compute', host)
    gone(cloud, admin, server['id'])
    cloud.wait(lambda: server['id'] not in FakeHost.named(host).all())
