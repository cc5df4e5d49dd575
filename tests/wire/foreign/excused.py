"""Where another's id is not answered as nobody's, and why.  Each must be needed; the lists may only shrink.

By the endpoint and the field, by the field, or by the kind of thing that it names.
"""

# Where a list shows its rows to the asker, who may then ask for each of them.
LISTED = {
    'default_rule': ('network', '/v2.0/default-security-group-rules'),
    'external network': ('network', '/v2.0/networks'),
    'region': ('identity', '/v3/regions'),
    'registered_limit': ('identity', '/v3/registered_limits'),
    'role': ('identity', '/v3/roles'),
    'zone': ('compute', '/v2.1/os-availability-zone'),
}
# The answer tells the two apart.
DIFFERS: dict[str, str] = {
    'sp': 'service providers are listed in every token',
    'idp': 'an identity provider is the cloud’s, and a manager names it in users of his domain',
    'protocol': 'a protocol is the cloud’s, and a manager names it in users of his domain',
    'token': 'who holds a token is its user',
    'auth.scope.OS-TRUST:trust.id': 'Keystone tells who is not the trustee that he is not',
    'tenant_id identity POST /v3/users/{user_id}/credentials/OS-EC2': 'as Keystone: the key is good for nothing there',
    'trust.trustee_user_id': 'whom a user trusts must exist',
    'id image POST /v2/images': 'as Glance: a client may choose an id, and each is one image’s',
    'router in port.device_id': 'as Neutron: 409 for another’s router, and a note where there is none',
    '{role_id} identity GET /v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}': 'a trust shows its roles',
    **{
        f'{{id}} volume POST /v3/{path}/{{id}}/accept': 'as Cinder: a wrong key is a 400; offers are for other projects'
        for path in ('os-volume-transfer', 'volume-transfers')
    },
}
# Where Keystone's own suite for personas asks for 403 of what is there and 404 of what is not.
_OTHERS = '/v3/users/{user_id}'
_TRUST = '/v3/OS-TRUST/trusts/{trust_id}'
DIFFERS |= dict.fromkeys(
    (
        *(f'{{role_id}} identity {method} /v3/roles/{{role_id}}' for method in ('GET', 'PATCH', 'DELETE')),
        *(f'{{domain_id}} identity {method} /v3/domains/{{domain_id}}' for method in ('PATCH', 'DELETE')),
        '{group_id} identity DELETE /v3/groups/{group_id}',
        *(f'{{trust_id}} identity {method} {_TRUST}' for method in ('GET', 'DELETE')),
        *(f'{{trust_id}} identity GET {_TRUST}/roles{one}' for one in ('', '/{role_id}')),
        *(
            f'{{{kind}_id}} identity {method} {_OTHERS}/{path}/{{{kind}_id}}'
            for kind, path in (
                ('credential', 'credentials/OS-EC2'),
                ('application_credential', 'application_credentials'),
            )
            for method in ('GET', 'DELETE')
        ),
    ),
    'as Keystone’s own suite for personas asks',
)
# What is made keeps another's id, and does nothing with it.
KEPT: dict[str, str] = {
    'user.default_project_id': 'a wish, looked at when the user logs in',
    'credential.project_id': 'as Keystone: a note of the user’s own',
    'tenant_id identity POST /v3/users/{user_id}/credentials/OS-EC2': 'as Keystone: the key is good for nothing there',
    'trust.trustee_user_id': 'whom a user trusts may be of another tenant',
    'port.device_id': 'what a user notes of his port; compute looks at what it bound itself',
    'port.mac_address': 'an address is one of a network, and may be had on each',
    'member': 'an image is offered to another project',
    'os-attach.instance_uuid': 'as Cinder: what a user notes of his volume',
    'attachment.instance_uuid': 'as Cinder: what a user notes of his volume',
}
_HINT = 'a hint is kept as it came, or refused whole'
EITHER = {
    f'{name}:scheduler_hints.{hint}{items}': _HINT
    for name in ('os', 'OS-SCH-HNT')
    for hint in ('same_host', 'different_host')
    for items in ('', '[]')
}
# One's own is refused as well.
OWN_REFUSED: dict[str, str] = {
    'host volume PUT /v3/os-services/thaw': 'the host is not frozen',
    'resource_id volume POST /v3/workers/cleanup': 'nothing waits for it',
    **dict.fromkeys(
        (
            'auth.identity.totp.user.id',
            'auth.identity.totp.user.name',
            'auth.identity.totp.user.domain.id',
            'auth.identity.totp.user.domain.name',
        ),
        'the passcode is a wrong one',
    ),
    **dict.fromkeys(
        ('binding.host', 'binding.project_id', 'binding.tenant_id'), 'services alone bind ports to more hosts than one'
    ),
    **{f'security_groups_default_statefulness.{name}': 'a project has one' for name in ('project_id', 'tenant_id')},
    'ec2': 'the signature is a wrong one',
    'domain.explicit_domain_id': 'the new domain would have the id of another',
    'project.parent_id identity PATCH /v3/projects/{project_id}': 'a project is not moved',
    'domain_role': 'a role of a domain is given to nobody on a project',
    'domain_role_name': 'a role of a domain is given to nobody on a project',
    'registered_limit.region_id': 'projects have limits of their own below it',
    'registered_limit.service_id': 'projects have limits of their own below it',
    'limits[].region_id': 'no limit is registered in the region',
    'role.domain_id identity PATCH /v3/roles/{role_id}': 'a role of the cloud is immutable',
    'sp': 'this cloud is no identity provider',
    'auth.identity.token.id identity POST /v3/auth/OS-FEDERATION/saml2': 'this cloud is no identity provider',
    'auth.identity.token.id identity POST /v3/auth/OS-FEDERATION/saml2/ecp': 'this cloud is no identity provider',
    'id image POST /v2/images': 'the new image would have the id of another',
    'input.image_properties.id image POST /v2/tasks': 'the new image would have the id of another',
    'region.id': 'the new region would have the id of another',
    'server.block_device_mapping_v2[].image_id': 'the second form names an image by uuid',
    'server.block_device_mapping_v2[].snapshot_id': 'the second form names a snapshot by uuid',
    'server.block_device_mapping_v2[].volume_id': 'the second form names a volume by uuid',
    'volumeAttachment.id': 'an attachment keeps its id',
    'port.fixed_ips[].ip_address network POST /v2.0/ports': 'the address is one of another port of one’s own',
    'port.mac_address network POST /v2.0/ports': 'the address is one of another port of one’s own',
    'evacuate.host': 'it is the host that the server is on',
    'unshelve.availability_zone': 'the server is not shelved',
    'unshelve.host': 'the server is not shelved',
    'resize.flavorRef': 'the flavor is the one that the server has',
    'migrate.host': 'the server stands on that host',
    'interfaceAttachment.fixed_ips[].ip_address': 'the address is one of another port of one’s own',
    'floatingip.subnet_id': 'a subnet of an external network is meant',
    'attachment_id': 'compute’s own attachment is detached by compute',
}


TABLES = {'DIFFERS': DIFFERS, 'KEPT': KEPT, 'OWN_REFUSED': OWN_REFUSED}


def find(table: dict[str, str], key: str, kind: str, used: set[str]) -> str | None:
    """The reason by which a place or a kind is excused; `used` gains it."""
    endpoint, _, field = key.rpartition(' ')
    for name in (f'{field} {endpoint}', f'{kind} in {field}', field, field.rpartition('.')[2], kind):
        if name in table:
            used.add(f'{next(each for each in TABLES if TABLES[each] is table)}: {name}')
            return table[name]
    return EITHER.get(field) if table is not DIFFERS else None
