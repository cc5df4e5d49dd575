"""Nothing that a member reads tells how the cloud's hosts are called: every route that answers, asked for his own."""

import re
from typing import Any

from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.fake.host import FakeHost
from tests.cloud import PASSWORD
from tests.whole.test_servers import boot
from tests.whole.test_volumes import volume
from tests.wire.applications import apis

SERVICES = ('compute', 'volume', 'network', 'image', 'placement')
HOSTS = re.compile(r'(?<!<)(?<!</)\bh[12]\b')  # and no heading of a page


def member_of(cloud: Any, admin: Any) -> Any:
    """A user with the role member in a project of his own."""
    project = admin.post('identity', '/projects', {'project': {'name': 'theirs'}})['project']['id']
    user = admin.post('identity', '/users', {'user': {'name': 'bob', 'password': PASSWORD}})['user']['id']
    roles = admin.get('identity', '/roles?name=member')['roles']
    path = f'/projects/{project}/users/{user}/roles/{roles[0]["id"]}'
    assert admin.request('PUT', 'identity', path).status_code == 204
    return cloud.client('bob', 'theirs')


def publish(admin: Any, image: str) -> None:
    """Everybody may use the image."""
    change = [{'op': 'replace', 'path': '/visibility', 'value': 'public'}]
    media = {'Content-Type': 'application/openstack-images-v2.1-json-patch'}
    assert admin.request('PATCH', 'image', f'/v2/images/{image}', change, headers=media).status_code == 200


def belongings(cloud: Any, user: Any, flavor: str, image: str) -> dict[str, str]:
    """A server with a port, a volume and a history; the id of each of its parts by the collection it is in."""
    network = user.post('network', '/v2.0/networks', {'network': {'name': 'own'}})['network']['id']
    subnet = {'subnet': {'network_id': network, 'cidr': '10.8.0.0/24', 'ip_version': 4}}
    found = {'networks': network, 'subnets': user.post('network', '/v2.0/subnets', subnet)['subnet']['id']}
    server = boot(cloud, user, flavorRef=flavor, imageRef=image, networks=[{'uuid': network}])['id']
    disk = volume(cloud, user)['id']
    user.post('compute', f'/servers/{server}/os-volume_attachments', {'volumeAttachment': {'volumeId': disk}})
    cloud.wait(lambda: user.get('volume', f'/volumes/{disk}')['volume']['status'] == 'in-use')
    actions = user.get('compute', f'/servers/{server}/os-instance-actions')['instanceActions']
    return {
        **found,
        'servers': server,
        'volumes': disk,
        'os-volume_attachments': disk,
        'os-instance-actions': actions[0]['request_id'],
        'attachments': user.get('volume', '/attachments', '3.60')['attachments'][0]['id'],
        'ports': user.get('network', f'/v2.0/ports?device_id={server}')['ports'][0]['id'],
        'os-interface': user.get('network', f'/v2.0/ports?device_id={server}')['ports'][0]['id'],
        'flavors': flavor,
        'images': image,
    }


def paths(cloud: Any, ids: dict[str, str]) -> Any:
    """(service, path) of everything that can be read, with the ids of what there is."""
    for service in SERVICES:
        for mount, api in apis(cloud.apps[service]):
            for route in api.routes:
                if route.method == 'GET' and not route.open:
                    parts = route.path.strip('/').split('/')
                    told = [ids.get(parts[at - 1], 'x') if part[0] == '{' else part for at, part in enumerate(parts)]
                    yield service, '/'.join((mount if service in ('network', 'image') else '', *told))


def test_a_member_reads_no_host_s_name(cloud, admin, flavor, image):
    user = member_of(cloud, admin)
    publish(admin, image)
    ids, read, found = belongings(cloud, user, flavor, image), 0, []
    for service, path in paths(cloud, ids):
        version = {'compute': '2.104', 'volume': '3.60'}.get(service)
        answer = user.request('GET', service, path, version=version)
        read += answer.status_code == 200
        if HOSTS.search(answer.text) or any(HOSTS.search(value) for value in answer.headers.values()):
            found.append(f'{service} {path}: {answer.text[:200]}')
    assert found == []
    assert read > 60


def test_a_member_s_refusals_name_no_host(cloud, admin, flavor, image):
    user = member_of(cloud, admin)
    publish(admin, image)
    for name in cloud.hosts:
        FakeHost.named(name).fail('spawn', Refused('QEMU did not start the guest.', inside=f'{name}: no KVM'), 9)
    server = boot(cloud, user, flavorRef=flavor, imageRef=image, networks='none')
    assert server['fault']['message'].endswith('refused the server: QEMU did not start the guest.')
    assert not HOSTS.search(str(server)) and 'details' not in server['fault']
    seen = admin.get('compute', f'/servers/{server["id"]}')['server']['fault']
    assert 'h1' in seen['details'] and 'no KVM' in seen['details']
