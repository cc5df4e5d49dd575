"""A consumer on the bus hears what happens in a whole cloud, in the order it happened."""

import json

import oslo_messaging
import pytest
from keystoneauth1 import exceptions

from nimbus.common.messaging import rpc
from tests.cloud import PASSWORD, Cloud
from tests.whole.test_servers import boot, gone
from tests.whole.test_volumes import volume

EXCHANGES = ('nova', 'cinder', 'neutron', 'glance', 'keystone')


class Consumer:
    """Built on oslo.messaging, as the field's own consumers are."""

    def __init__(self, url):
        self.heard = []
        targets = [oslo_messaging.Target(topic='notifications', exchange=name) for name in EXCHANGES]
        bus = rpc.notification_transport(url)
        self.listener = oslo_messaging.get_notification_listener(bus, targets, [self], 'threading')

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        if all(metadata['message_id'] != known for *_, known in self.heard):  # several targets are one queue here
            self.heard.append((event_type, publisher_id, payload, ctxt, metadata['message_id']))

    error = info

    def of(self, prefix):
        return [event_type for event_type, *_ in self.heard if event_type.startswith(prefix)]

    def last(self, event_type):
        return [payload for name, _, payload, *_ in self.heard if name == event_type][-1]


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path, hosts=1, **{'notifications.driver': ['messagingv2']}) as made:
        made.consumer = Consumer(made.conf.bus)
        made.consumer.listener.start()
        yield made
        made.consumer.listener.stop()
        made.consumer.listener.wait()


def hears(cloud, prefix, *names):
    """Wait until exactly these events of the prefix were heard, in this order."""
    wanted = [f'{prefix}{name}' for name in names]
    cloud.wait(lambda: len(cloud.consumer.of(prefix)) >= len(wanted))
    assert cloud.consumer.of(prefix) == wanted


def test_a_server_s_life_is_heard(cloud, admin, flavor, image, network):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks=[{'uuid': network}])['id']
    admin.delete('compute', f'/servers/{server}')
    gone(cloud, admin, server)
    hears(cloud, 'compute.instance.', 'create.start', 'create.end', 'delete.start', 'delete.end')
    hears(cloud, 'port.', 'create.start', 'create.end', 'delete.start', 'delete.end')
    hears(cloud, 'image.', 'create', 'prepare', 'upload', 'activate')
    hears(cloud, 'network.', 'create.start', 'create.end')
    hears(cloud, 'subnet.', 'create.start', 'create.end')
    end = cloud.consumer.last('compute.instance.create.end')
    (address,) = end['fixed_ips']
    port = cloud.consumer.last('port.create.end')['port']
    assert address['address'] == port['fixed_ips'][0]['ip_address'] and address['vif_mac'] == port['mac_address']
    assert (port['device_id'], port['binding:host_id'], end['host']) == (server, 'h1', 'h1')
    assert cloud.consumer.last('image.activate')['status'] == 'active'
    by = {ctxt['request_id'] for name, _, _, ctxt, _ in cloud.consumer.heard if name.startswith('compute.instance.c')}
    assert len(by) == 1 and by.pop().startswith('req-')


def test_what_a_server_port_says_is_what_the_api_says(cloud, admin, flavor, image, network):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks=[{'uuid': network}])['id']
    (shown,) = admin.get('network', f'/v2.0/ports?device_id={server}')['ports']
    cloud.wait(lambda: cloud.consumer.of('port.create.end'))
    told = cloud.consumer.last('port.create.end')['port']
    moving = ('status', 'revision_number', 'updated_at')
    assert {n: v for n, v in told.items() if n not in moving} == {n: shown[n] for n in told if n not in moving}


def test_a_volume_and_its_server_are_heard(cloud, admin, flavor, image):
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, networks='none')['id']
    made = volume(cloud, admin)['id']
    path = f'/servers/{server}/os-volume_attachments'
    admin.post('compute', path, {'volumeAttachment': {'volumeId': made}})
    cloud.wait(lambda: admin.get('volume', f'/volumes/{made}')['volume']['status'] == 'in-use')
    admin.delete('compute', f'{path}/{made}')
    cloud.wait(lambda: admin.get('volume', f'/volumes/{made}')['volume']['status'] == 'available')
    admin.delete('volume', f'/volumes/{made}')
    names = ('create', 'attach', 'detach', 'delete')
    hears(cloud, 'volume.', *(f'{name}.{when}' for name in names for when in ('start', 'end')))
    hears(cloud, 'compute.instance.volume.', 'attach', 'detach')
    assert cloud.consumer.last('volume.attach.end')['volume_attachment'][0]['instance_uuid'] == server


def test_network_nouns_are_heard_with_what_was_answered(cloud, admin, network):
    router = admin.post('network', '/v2.0/routers', {'router': {'name': 'r'}})['router']
    (subnet,) = admin.get('network', '/v2.0/subnets')['subnets']
    admin.put('network', f'/v2.0/routers/{router["id"]}/add_router_interface', {'subnet_id': subnet['id']})
    admin.put('network', f'/v2.0/routers/{router["id"]}/remove_router_interface', {'subnet_id': subnet['id']})
    admin.put('network', f'/v2.0/routers/{router["id"]}', {'router': {'name': 'other'}})
    admin.delete('network', f'/v2.0/routers/{router["id"]}')
    group = admin.post('network', '/v2.0/security-groups', {'security_group': {'name': 'g'}})['security_group']
    rule = {'security_group_id': group['id'], 'direction': 'ingress', 'protocol': 'icmp'}
    admin.post('network', '/v2.0/security-group-rules', {'security_group_rule': rule})
    both = ('create.start', 'create.end')
    ends = ('update.start', 'update.end', 'delete.start', 'delete.end')
    hears(cloud, 'router.', *both, 'interface.create', 'interface.delete', *ends)
    hears(cloud, 'security_group.', *both)
    hears(cloud, 'security_group_rule.', *both)
    assert cloud.consumer.last('router.create.end') == {'router': router}
    assert cloud.consumer.last('router.update.end')['router']['name'] == 'other'
    assert cloud.consumer.last('router.delete.end')['router_id'] == router['id']
    refused = admin.request('DELETE', 'network', f'/v2.0/networks/{network}x')
    assert refused.status_code == 404 and cloud.consumer.of('network.delete') == []


def test_identity_s_writes_and_logins_are_audited_without_a_secret(cloud, admin):
    body = {'user': {'name': 'eve', 'password': 'a very secret word', 'domain_id': 'default'}}
    eve = admin.post('identity', '/users', body)['user']['id']
    admin.request('PATCH', 'identity', f'/users/{eve}', {'user': {'email': 'e@example.org'}})
    project = admin.post('identity', '/projects', {'project': {'name': 'p'}})['project']['id']
    (role,) = admin.get('identity', '/roles?name=member')['roles']
    admin.put('identity', f'/projects/{project}/users/{eve}/roles/{role["id"]}', None)
    cloud.session('eve', 'p', 'a very secret word').get_token()
    with pytest.raises(exceptions.Unauthorized):
        cloud.session('eve', 'p', 'a wrong secret word').get_token()
    policy = {'policy': {'blob': '{}', 'type': 'application/json'}}
    assert admin.request('POST', 'identity', '/policies', policy).status_code == 201
    admin.delete('identity', f'/users/{eve}')
    cloud.wait(lambda: cloud.consumer.of('identity.user.deleted'))
    hears(cloud, 'identity.user.', 'created', 'updated', 'deleted')
    hears(cloud, 'identity.role_assignment.', 'created')
    hears(cloud, 'identity.project.', 'created')
    made = cloud.consumer.last('identity.user.created')
    assert (made['action'], made['outcome'], made['resource_info']) == ('created.user', 'success', eve)
    assert made['typeURI'].startswith('http://schemas.dmtf.org/') and made['target']['id'] == eve
    grant = cloud.consumer.last('identity.role_assignment.created')
    assert (grant['user'], grant['project'], grant['role']) == (eve, project, role['id'])
    logins = [told[2] for told in cloud.consumer.heard if told[0] == 'identity.authenticate']
    of_eve = [login for login in logins if login['initiator'].get('user_name') == 'eve']
    assert [login['outcome'] for login in of_eve] == ['success', 'failure']
    assert of_eve[0]['initiator']['user_id'] == eve and of_eve[1]['reason']['reasonCode'] == '401'
    assert all(login['initiator']['host'].get('address') for login in of_eve)
    told = json.dumps([told[2] for told in cloud.consumer.heard])
    assert 'secret word' not in told and PASSWORD not in told


def test_a_server_that_cannot_be_built_is_heard_as_an_error(cloud, admin, flavor, image):
    body = {'flavor': {'name': 'giant', 'ram': 64, 'vcpus': 1, 'disk': 1 << 20}}
    giant = admin.post('compute', '/flavors', body)['flavor']['id']
    made = boot(cloud, admin, flavorRef=giant, imageRef=image, networks='none')
    assert made['status'] == 'ERROR'
    hears(cloud, 'compute.instance.', 'create.start', 'create.error')
    assert 'No valid host' in cloud.consumer.last('compute.instance.create.error')['message']
