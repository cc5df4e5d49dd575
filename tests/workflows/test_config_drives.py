"""What a server's config drive holds."""

import base64
import json

import pytest

from nimbus.compute.metadata import documents
from nimbus.network.ports import ports
from nimbus.network.routers import floating_ips, gateways, routers
from tests.conftest import MEMBER
from tests.domain.network import cloud as nouns
from tests.domain.network.test_outside import OPERATOR
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
    assert documents.VERSIONS == (
        '2012-08-10', '2013-04-04', '2013-10-17', '2015-10-15', '2016-06-30', '2016-10-06', '2017-02-22', '2018-08-27',
        '2020-10-14',
    )  # fmt: skip
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


def public_ipv4(tx, server):
    drive = documents.config_drive(tx, server, force=True)
    return json.loads(base64.b64decode(drive['ec2/latest/meta-data.json']))['public-ipv4']


def test_a_floating_ip_is_the_public_address_of_ec2(cloud):
    server = cloud.server()
    with cloud.db.write() as tx:
        assert public_ipv4(tx, server) == ''
        (nic,) = ports.nics(tx, server)
    with cloud.db.write() as tx:
        nouns.agent(tx, 'h1', bridges={'public': 'br-ex'})
        outside = nouns.network(tx, '172.24.4.0/24', ctx=OPERATOR, external=True)
        router = routers.create(tx, MEMBER, gateway=gateways.Wish(outside.id))
        subnet = ports.fixed.of(tx, [nic['port_id']])[nic['port_id']][0].subnet_id
        routers.add_interface(tx, MEMBER, router, subnet, None)
        target = floating_ips.Target(nic['port_id'])
        made = floating_ips.create(
            tx, MEMBER, project_id=MEMBER.project_id, floating_network_id=outside.id, target=target
        )
        address = floating_ips.show(tx, MEMBER, made).floating_ip_address
    with cloud.db.write() as tx:
        assert public_ipv4(tx, server) == address


def test_a_guest_is_given_as_much_randomness_as_the_field_gives(cloud):
    server = cloud.server()
    with cloud.db.write() as tx:
        drives = [documents.config_drive(tx, server, force=True) for _ in range(2)]
    seeds = [json.loads(base64.b64decode(drive['openstack/latest/meta_data.json']))['random_seed'] for drive in drives]
    assert {len(base64.b64decode(seed)) for seed in seeds} == {512} and seeds[0] != seeds[1]
