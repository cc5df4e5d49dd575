"""Bodies that a route takes when all in them is one's own, where more than a line makes one."""

from collections.abc import Callable
from typing import Any

from tests.wire.foreign.tenants import SECRETS

Things = dict[str, str]
Body = Callable[[Things], dict[str, Any]]


def auth(things: Things) -> dict[str, Any]:
    user = {'id': things['user'], 'password': SECRETS['mine']}
    return {'auth': {'identity': {'methods': ['password'], 'password': {'user': user}}}}


def lent(things: Things) -> dict[str, Any]:
    told = {'id': things['application_credential'], 'secret': SECRETS['mine']}
    return {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': told}}}


def lent_by_name(things: Things) -> dict[str, Any]:
    told = {'name': 'mine ac', 'secret': SECRETS['mine'], 'user': {'id': things['user']}}
    return {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': told}}}


def lent_by_names(things: Things) -> dict[str, Any]:
    user = {'name': 'mine member', 'domain': {'id': things['domain']}}
    told = {'name': 'mine ac', 'secret': SECRETS['mine'], 'user': user}
    return {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': told}}}


def lent_by_domain_names(things: Things) -> dict[str, Any]:
    user = {'name': 'mine member', 'domain': {'name': 'mine domain'}}
    told = {'name': 'mine ac', 'secret': SECRETS['mine'], 'user': user}
    return {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': told}}}


def named(things: Things) -> dict[str, Any]:
    user = {'name': 'mine member', 'password': SECRETS['mine'], 'domain': {'id': things['domain']}}
    return {'auth': {'identity': {'methods': ['password'], 'password': {'user': user}}}}


def domain_named(things: Things) -> dict[str, Any]:
    user = {'name': 'mine member', 'password': SECRETS['mine'], 'domain': {'name': 'mine domain'}}
    return {'auth': {'identity': {'methods': ['password'], 'password': {'user': user}}}}


def totp(things: Things) -> dict[str, Any]:
    told = {'user': {'id': things['user'], 'passcode': '123456'}}
    return {'auth': {'identity': {'methods': ['totp'], 'totp': told}}}


def totp_named(things: Things) -> dict[str, Any]:
    told = {'user': {'name': 'mine member', 'domain': {'id': things['domain']}, 'passcode': '123456'}}
    return {'auth': {'identity': {'methods': ['totp'], 'totp': told}}}


def totp_domain(things: Things) -> dict[str, Any]:
    told = {'user': {'name': 'mine member', 'domain': {'name': 'mine domain'}, 'passcode': '123456'}}
    return {'auth': {'identity': {'methods': ['totp'], 'totp': told}}}


def in_project(things: Things) -> dict[str, Any]:
    found = auth(things)
    found['auth']['scope'] = {'project': {'name': 'mine project', 'domain': {'id': things['domain']}}}
    return found


def in_named_project(things: Things) -> dict[str, Any]:
    found = auth(things)
    found['auth']['scope'] = {'project': {'name': 'mine project', 'domain': {'name': 'mine domain'}}}
    return found


def trusting(things: Things) -> dict[str, Any]:
    found = auth(things)
    found['auth']['identity']['password']['user']['id'] = things['reader user']
    return found


def managing(things: Things) -> dict[str, Any]:
    found = auth(things)
    found['auth']['identity']['password']['user']['id'] = things['manager user']
    return found


def by_token(things: Things) -> dict[str, Any]:
    return {'auth': {'identity': {'methods': ['token'], 'token': {'id': things['token']}}}}


def saml(things: Things) -> dict[str, Any]:
    return {
        'auth': {
            'identity': {'methods': ['token'], 'token': {'id': things['token']}},
            'scope': {'service_provider': {'id': things['sp']}},
        }
    }


def federated(things: Things) -> dict[str, Any]:
    protocols = [{'protocol_id': things['protocol'], 'unique_id': 'x'}]
    told = [{'idp_id': things['idp'], 'protocols': protocols}]
    return {'user': {'name': 'x', 'domain_id': things['domain'], 'federated': told}}


def signed(name: str) -> Body:
    return lambda things: {
        name: {'access': things['ec2'], 'signature': 'x', 'host': 'x', 'params': {'SignatureVersion': '2'}}
    }


def server(things: Things) -> dict[str, Any]:
    return {
        'server': {
            'name': 'x',
            'flavorRef': things['flavor'],
            'imageRef': things['image'],
            'networks': [{'uuid': things['network']}],
        }
    }


def server_with(**told: Any) -> Body:
    def made(things: Things) -> dict[str, Any]:
        found = server(things)
        found['server'] |= told
        return found

    return made


def server_on_port(things: Things) -> dict[str, Any]:
    return server_with(networks=[{'port': things['port']}])(things)


def server_from(source: str, **more: Any) -> Body:
    def made(things: Things) -> dict[str, Any]:
        found = server(things)
        disk = {'source_type': source, 'uuid': things[source], 'destination_type': 'volume', 'boot_index': 0}
        disk |= {'volume_size': 1}
        found['server'] |= {'block_device_mapping_v2': [disk | more]}
        del found['server']['imageRef']
        return found

    return made


def blank_disk(things: Things) -> dict[str, Any]:
    disks: list[dict[str, Any]] = [
        {'source_type': 'blank', 'destination_type': 'volume', 'volume_size': 1},
        {'source_type': 'image', 'uuid': things['image'], 'destination_type': 'local', 'boot_index': 0},
    ]
    return server_with(block_device_mapping_v2=disks)(things)


def old_disk(things: Things) -> dict[str, Any]:
    found = server_with(block_device_mapping=[{'device_name': 'vda', 'volume_id': things['volume']}])(things)
    del found['server']['imageRef']
    return found


def port(things: Things) -> dict[str, Any]:
    return {'port': {'network_id': things['network']}}


def subnet(things: Things) -> dict[str, Any]:
    return {'subnet': {'network_id': things['network'], 'ip_version': 4, 'cidr': '10.77.0.0/24'}}


def rule(things: Things) -> dict[str, Any]:
    told = {'security_group_id': things['security_group'], 'direction': 'egress', 'ethertype': 'IPv4'}
    return {'security_group_rule': told | {'protocol': 'tcp', 'port_range_min': 7, 'port_range_max': 7}}


def trust(things: Things) -> dict[str, Any]:
    told = {'trustor_user_id': things['user'], 'trustee_user_id': things['reader user'], 'impersonation': False}
    return {'trust': told | {'project_id': things['project'], 'roles': [{'id': things['role']}]}}


def sharing(things: Things) -> dict[str, Any]:
    told = {'object_type': 'network', 'object_id': things['network'], 'action': 'access_as_shared'}
    return {'rbac_policy': {**told, 'target_tenant': 'e' * 32}}


def forwarding(things: Things) -> dict[str, Any]:
    told = {'protocol': 'tcp', 'external_port': 99, 'internal_port': 99, 'internal_port_id': things['port']}
    return {'port_forwarding': told}


def trunk(things: Things) -> dict[str, Any]:
    told = {'port_id': things['free port'], 'segmentation_type': 'vlan', 'segmentation_id': 99}
    return {'trunk': {'port_id': things['parent port'], 'sub_ports': [told]}}


def helper(things: Things) -> dict[str, Any]:
    return {'conntrack_helper': {'protocol': 'udp', 'port': 69, 'helper': 'tftp'}}


# A rule of each kind of QoS, as it is made and as it is changed.
QOS: dict[str, dict[str, Any]] = {
    'bandwidth_limit': {'max_kbps': 99},
    'dscp_marking': {'dscp_mark': 26},
    'packet_rate_limit': {'max_kpps': 99},
    'minimum_bandwidth': {'min_kbps': 9},
    'minimum_packet_rate': {'min_kpps': 9},
}


def quality(one: str, kind: str) -> Body:
    return lambda things: {one: dict(QOS[kind])}
