"""What a guest of a cloud of one process is told about itself."""

import base64
import hashlib
import hmac
import json

import pytest

from tests.cloud import PASSWORD
from tests.whole.test_servers import boot
from tests.whole.test_volumes import at_rest, volume

KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDmTn7KMuzEVLtaiX3tcNlAhZbLZyFeYDAVqPb2UaYBu me'


@pytest.fixture
def server(cloud, admin, flavor, image, network):
    admin.post('compute', '/os-keypairs', {'keypair': {'name': 'mine', 'public_key': KEY}})
    return boot(
        cloud,
        admin,
        flavorRef=flavor,
        imageRef=image,
        networks=[{'uuid': network}],
        key_name='mine',
        metadata={'role': 'web-é'},
        user_data=base64.b64encode(b'#!/bin/sh\necho hello').decode(),
    )


def ask(cloud, server, path, project=None, secret=PASSWORD, data=None):
    """(status, text) of a request as the network's proxy passes it on; with `data` it is a POST."""
    signature = hmac.new(secret.encode(), server['id'].encode(), hashlib.sha256).hexdigest()
    headers = {
        'X-Instance-ID': server['id'],
        'X-Tenant-ID': project or server['tenant_id'],
        'X-Instance-ID-Signature': signature,
    }
    more = {'headers': headers, 'authenticated': False, 'raise_exc': False, 'data': data}
    method = 'GET' if data is None else 'POST'
    answer = cloud.session('admin', 'admin').request(f'http://cloud:8775{path}', method, **more)
    return answer.status_code, answer.text


def test_a_guest_learns_its_name_its_key_and_its_data(cloud, server):
    status, text = ask(cloud, server, '/openstack/latest/meta_data.json')
    told = json.loads(text)
    assert (status, told['uuid'], told['name'], told['meta']) == (200, server['id'], 's', {'role': 'web-é'})
    assert told['public_keys'] == {'mine': KEY}
    assert 'admin_pass' not in told
    assert ask(cloud, server, '/openstack/latest/user_data') == (200, '#!/bin/sh\necho hello')
    links = json.loads(ask(cloud, server, '/openstack/latest/network_data.json')[1])
    assert [network['type'] for network in links['networks']] == ['ipv4_dhcp']


def test_a_guest_finds_its_tagged_devices_by_serial_and_mac(cloud, admin, flavor, image, network):
    nics = [{'uuid': network}, {'uuid': network, 'tag': 'second'}]
    disk = {'uuid': image, 'source_type': 'image', 'destination_type': 'local', 'boot_index': 0, 'tag': 'root'}
    blank = {'source_type': 'blank', 'destination_type': 'volume', 'volume_size': 1, 'boot_index': -1, 'tag': 'data'}
    told = {'imageRef': image, 'networks': nics, 'block_device_mapping_v2': [disk, blank]}
    server = boot(cloud, admin, '2.49', flavorRef=flavor, **told)
    made = volume(cloud, admin)['id']
    body = {'volumeAttachment': {'volumeId': made, 'tag': 'later'}}
    admin.post('compute', f'/servers/{server["id"]}/os-volume_attachments', body, '2.49')
    cloud.wait(lambda: at_rest(cloud, admin, made)['status'] == 'in-use')
    found = json.loads(ask(cloud, server, '/openstack/latest/meta_data.json')[1])['devices']
    nic, *disks = found
    assert (nic['type'], nic['tags'], nic['vf_trusted']) == ('nic', ['second'], False)
    links = json.loads(ask(cloud, server, '/openstack/latest/network_data.json')[1])['links']
    assert nic['mac'] == links[1]['ethernet_mac_address']
    assert [one['tags'] for one in disks] == [['data'], ['later']]
    assert disks[1] == {'type': 'disk', 'serial': made, 'bus': 'pci', 'address': 'none', 'tags': ['later']}
    older = json.loads(ask(cloud, server, '/openstack/2016-06-30/meta_data.json')[1])['devices'][0]
    assert older == {name: value for name, value in nic.items() if name != 'vf_trusted'}


def test_the_older_tree_tells_which_disk_is_which(cloud, admin, image, network):
    size = {'name': 'with-disks', 'vcpus': 1, 'ram': 64, 'disk': 1, 'OS-FLV-EXT-DATA:ephemeral': 1, 'swap': 64}
    flavor = admin.post('compute', '/flavors', {'flavor': size})['flavor']['id']
    blank = {'source_type': 'blank', 'destination_type': 'volume', 'volume_size': 1, 'boot_index': -1}
    root = {'source_type': 'image', 'destination_type': 'local', 'uuid': image, 'boot_index': 0}
    disks = [root, blank]
    server = boot(cloud, admin, flavorRef=flavor, imageRef=image, block_device_mapping_v2=disks, networks='none')
    place = '/latest/meta-data/block-device-mapping'
    names = ask(cloud, server, place)[1].split()
    assert {name: ask(cloud, server, f'{place}/{name}')[1] for name in names} == {
        'ami': 'vda',
        'root': '/dev/vda',
        'ephemeral0': '/dev/vdb',
        'swap': '/dev/vdc',
        'ebs0': '/dev/vdd',
    }


def test_the_older_tree_stands_under_a_name_of_its_own_too(cloud, server):
    assert ask(cloud, server, '/ec2') == ask(cloud, server, '/ec2/') == ask(cloud, server, '/')
    for path in ('', '/', '/meta-data', '/meta-data/local-ipv4', '/user-data'):
        assert ask(cloud, server, '/ec2/latest' + path) == ask(cloud, server, '/latest' + path)
        assert ask(cloud, server, '/ec2/latest' + path)[0] == 200
    assert ask(cloud, server, '/ec2/1999-01-01')[0] == ask(cloud, server, '/ec2/nothing')[0] == 404


def test_the_older_tree_lists_its_folders(cloud, server):
    assert ask(cloud, server, '/')[1].splitlines()[-2:] == ['2009-04-04', 'latest']
    assert ask(cloud, server, '/latest/')[1] == 'meta-data/\nuser-data'
    assert ask(cloud, server, '/latest/meta-data/public-keys/')[1] == '0=mine'
    assert ask(cloud, server, '/2009-04-04/meta-data/public-keys/0/openssh-key')[1] == KEY
    assert ask(cloud, server, '/latest/meta-data/local-ipv4')[1].startswith('10.9.0.')


@pytest.mark.parametrize(
    'path', ['/nowhere', '/latest/meta-data/nothing', '/openstack/1999-01-01/x', '/openstack/a/b/c']
)
def test_what_is_not_there_is_not_found(cloud, server, path):
    assert ask(cloud, server, path)[0] == 404


def test_who_is_not_vouched_for_learns_nothing(cloud, server):
    assert ask(cloud, server, '/openstack/latest/meta_data.json', secret='another')[0] == 403
    assert ask(cloud, server, '/openstack/latest/meta_data.json', project='b' * 32)[0] == 404
    answer = cloud.session('admin', 'admin').get(
        'http://cloud:8775/openstack/latest/meta_data.json', authenticated=False, raise_exc=False
    )
    assert answer.status_code == 400


def test_a_guest_leaves_its_password_once_for_its_user_to_fetch(cloud, admin, server):
    place, api = '/openstack/latest/password', f'/servers/{server["id"]}/os-server-password'
    assert ask(cloud, server, place) == (200, '')
    assert admin.get('compute', api) == {'password': ''}
    assert ask(cloud, server, place, data=b'x' * 1021) == (400, 'Request is too large.')
    assert ask(cloud, server, place, data=b'\xe5') == (400, 'An encrypted password must be text.')
    assert ask(cloud, server, place, data=b'c2VhbGVk') == (200, '')
    assert ask(cloud, server, place, data=b'another')[0] == 409
    assert ask(cloud, server, '/openstack/2013-04-04/password') == (200, 'c2VhbGVk')
    assert admin.get('compute', api) == {'password': 'c2VhbGVk'}
    assert admin.request('DELETE', 'compute', api).status_code == 204
    assert admin.get('compute', api) == {'password': ''}
    assert ask(cloud, server, place, data=b'another') == (200, '')


def test_nothing_but_the_password_is_written_to_the_metadata(cloud, server):
    for path in ('/openstack/latest/meta_data.json', '/openstack/2012-08-10/password', '/latest/password'):
        assert ask(cloud, server, path, data=b'x')[0] == 405
    assert ask(cloud, server, '/openstack/2012-08-10/password')[0] == 404
    assert ask(cloud, server, '/openstack/latest/password', secret='another', data=b'x')[0] == 403


def test_the_newer_tree_lists_its_documents_in_the_order_they_came(cloud, server):
    assert ask(cloud, server, '/openstack/2012-08-10')[1].split() == ['meta_data.json', 'user_data']
    names = ['meta_data.json', 'user_data', 'password', 'vendor_data.json', 'network_data.json', 'vendor_data2.json']
    assert ask(cloud, server, '/openstack/latest/')[1].split() == names
