"""What a server's config drive holds."""

import base64
import json

import pytest

from nimbus.compute.metadata import documents
from tests.workflows.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path)
    yield made
    made.close()


def test_the_config_drive_has_the_field_s_tree(cloud):
    user_data = base64.b64encode(b'#!/bin/sh').decode()
    contents = base64.b64encode(b'hello').decode()
    files = ({'path': '/etc/motd', 'contents': contents},)
    server = cloud.server(user_data=user_data, personality=files, config_drive=True, properties={'a': 'b'})
    with cloud.db.read() as tx:
        drive = documents.config_drive(tx, server)
    assert sorted(drive) == sorted(
        [
            'ec2/2009-04-04/meta-data.json',
            'ec2/2009-04-04/user-data',
            'ec2/latest/meta-data.json',
            'ec2/latest/user-data',
            *sorted(
                f'openstack/{version}/{name}'
                for version in (*documents.VERSIONS, documents.LATEST)
                for name in documents.SINCE
                if documents.has(name, version) and name != documents.PASSWORD
            ),
            'openstack/content/0000',
        ]
    )
    newest = {path.rpartition('/')[2] for path in drive if path.startswith('openstack/2018-08-27/')}
    assert newest >= {'meta_data.json', 'network_data.json', 'vendor_data.json', 'vendor_data2.json', 'user_data'}
    told = json.loads(base64.b64decode(drive['openstack/latest/meta_data.json']))
    assert (told['uuid'], told['meta'], told['hostname']) == (server, {'a': 'b'}, 's.novalocal')
    assert told['files'] == [{'content_path': '/content/0000', 'path': '/etc/motd'}]
    net = json.loads(base64.b64decode(drive['openstack/latest/network_data.json']))
    assert net['networks'][0]['type'] == 'ipv4_dhcp' and net['links'][0]['type'] == 'ovs'
    assert net['services'] == [{'type': 'dns', 'address': '9.9.9.9'}]


def test_a_server_without_the_wish_has_no_config_drive(cloud):
    server = cloud.server()
    with cloud.db.read() as tx:
        assert documents.config_drive(tx, server) is None
        assert documents.config_drive(tx, server, force=True)
