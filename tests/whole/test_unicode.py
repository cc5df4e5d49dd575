"""Names in letters beyond ASCII go through everything that shows, sends or keeps a name."""

import json
import logging

import pytest

from nimbus.common import log
from nimbus.compute.metadata import documents
from nimbus.network.agent.dhcp import dnsmasq
from nimbus.network.ports import server_ports as ports
from tests.cloud import Cloud
from tests.whole.test_notifications import Consumer
from tests.whole.test_servers import boot
from tests.whole.test_volumes import volume

NAME = '中文-é'


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path, hosts=1, **{'notifications.driver': ['messagingv2', 'log']}) as made:
        made.consumer = Consumer(made.conf.bus)
        made.consumer.listener.start()
        yield made
        made.consumer.listener.stop()
        made.consumer.listener.wait()


@pytest.fixture
def user(cloud, admin):
    """A user and a project of that name."""
    project = admin.post('identity', '/projects', {'project': {'name': NAME, 'description': NAME}})['project']['id']
    told = {'name': NAME, 'password': f'secret {NAME}', 'default_project_id': project}
    user = admin.post('identity', '/users', {'user': told})['user']['id']
    (role,) = admin.get('identity', '/roles?name=member')['roles']
    admin.put('identity', f'/projects/{project}/users/{user}/roles/{role["id"]}', None)
    return cloud.client(NAME, NAME, f'secret {NAME}')


@pytest.fixture
def logged(tmp_path):
    """The log's file, in the field's format, as another process would read it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    log.setup(str(tmp_path / 'nimbus.log'))
    yield tmp_path / 'nimbus.log'
    root.handlers[0].close()
    root.handlers[:], root.level = before


def test_every_name_comes_back_as_it_was_given(cloud, admin, user, flavor, network, logged):
    image = {'name': NAME, 'disk_format': 'raw', 'container_format': 'bare', 'visibility': 'private', NAME: NAME}
    made = user.post('image', '/v2/images', image)
    assert (made['name'], made[NAME]) == (NAME, NAME)
    content = {'data': b'\0' * 512, 'headers': {'Content-Type': 'application/octet-stream'}}
    assert user.request('PUT', 'image', f'/v2/images/{made["id"]}/file', **content).status_code == 204
    disk = volume(cloud, user, name=NAME, description=NAME, metadata={'role': NAME})
    assert (disk['name'], disk['metadata']) == (NAME, {'role': NAME})
    net = user.post('network', '/v2.0/networks', {'network': {'name': NAME}})['network']
    user.post('network', '/v2.0/subnets', {'subnet': {'network_id': net['id'], 'cidr': '10.8.0.0/24', 'ip_version': 4}})
    server = boot(
        cloud,
        user,
        name=NAME,
        flavorRef=flavor,
        imageRef=made['id'],
        networks=[{'uuid': net['id']}],
        metadata={'role': NAME},
        config_drive=True,
    )
    assert (server['status'], server['name'], server['metadata']) == ('ACTIVE', NAME, {'role': NAME}), server
    assert list(server['addresses']) == [NAME]
    assert [row['name'] for row in user.get('compute', f'/servers?name={NAME}')['servers']] == [NAME]
    assert [row['name'] for row in user.get('volume', f'/volumes?name={NAME}')['volumes']] == [NAME]
    assert [row['name'] for row in user.get('image', f'/v2/images?name={NAME}')['images']] == [NAME]
    assert [row['name'] for row in user.get('network', f'/v2.0/networks?name={NAME}')['networks']] == [NAME]
    in_the_guest(cloud, server['id'])
    cloud.wait(lambda: 'compute.instance.create.end' in cloud.consumer.of('compute.'))
    told = cloud.consumer.last('compute.instance.create.end')
    assert (told['display_name'], told['metadata'], told['hostname']) == (NAME, {'role': NAME}, 'é')
    text = logged.read_bytes().decode()
    assert NAME in text or json.dumps(NAME)[1:-1] in text


def in_the_guest(cloud, server):
    """The drive tells the name as it is; the lease has what a host may be called."""
    with cloud.parts.db.read() as tx:
        drive = documents.documents(documents.facts(tx, server), documents.LATEST)
        hosts = [port.hostname for port in ports.of_server(tx, server)]
    found = json.loads(drive[documents.META])
    assert (found['name'], found['meta'], found['hostname']) == (NAME, {'role': NAME}, 'é.novalocal')
    assert hosts == ['é'] and dnsmasq.label(hosts[0], '10.8.0.7') == 'host-10-8-0-7'
