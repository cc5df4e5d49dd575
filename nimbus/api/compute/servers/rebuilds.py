"""Rebuilding a server: an action of `POST /servers/{id}/action`."""

import functools
from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.compute.servers import batches, requests
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.kit.versions import Version
from nimbus.compute.servers import rebuilds

# What is changed on the way, by its name on the wire.
CHANGES = {
    'name': 'name',
    'description': 'description',
    'hostname': 'hostname',
    'metadata': 'properties',
    'OS-DCF:diskConfig': 'disk_config',
    'accessIPv4': 'access_ip_v4',
}


@functools.lru_cache(256)
def shape(version: Version) -> Shape:
    """The shape of the request in the version."""
    fields: shapes.Schema = {
        'imageRef': shapes.UUID,
        'name': shapes.NAME,
        'adminPass': {'type': 'string', 'maxLength': 255},
        'metadata': shapes.METADATA,
        'preserve_ephemeral': shapes.BOOLEAN,
        'OS-DCF:diskConfig': shapes.DISK_CONFIG,
        'accessIPv4': {'type': 'string', 'format': 'ipv4'},
        'accessIPv6': {'type': 'string', 'format': 'ipv6'},
    }
    if version < microversions.NoPersonality.number:
        fields['personality'] = requests.FILES
    key: shapes.Schema = {'anyOf': [shapes.NAME, {'type': 'null'}]}
    for change, more in (
        (microversions.Descriptions, {'description': shapes.DESCRIPTION}),
        (microversions.RebuildKeys, {'key_name': key}),
        (microversions.NoPersonality, {'user_data': {'type': ['string', 'null'], 'maxLength': requests.MAX_USER_DATA}}),
        (microversions.TrustedCertificates, {'trusted_image_certificates': requests.CERTIFICATES}),
        (microversions.Hostnames, {'hostname': shapes.HOSTNAME}),
        (microversions.QualifiedHostnames, {'hostname': shapes.FQDN}),
    ):
        if version >= change.number:
            fields |= more
    return shapes.action('rebuild', shapes.closed(fields, ['imageRef']))


class Shapes:
    """The shapes of all versions, for the route."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        return shape(version)


def rebuild(call: Call, id: str) -> Reply:
    """202 and the server as it is now, with its new password."""
    asked = call.given
    if 'trusted_image_certificates' in asked:
        call.check(policies.SERVERS + 'rebuild:trusted_certs')
    requests.check_certificates(asked)
    wanted = rebuilds.Wanted(
        image_id=asked['imageRef'],
        admin_pass=asked.get('adminPass') or requests.password(),
        values=_values(asked),
        changes_key='key_name' in asked,
        key_name=asked.get('key_name'),
        personality=tuple(requests.file_of(file) for file in asked.get('personality', ())),
        preserve_ephemeral=shapes.flag(asked.get('preserve_ephemeral', False)),
        writes_root_volume=call.speaks(microversions.RebuildRootVolumes),
        may_have_no_disk=call.allows(policies.SERVERS + 'create:zero_disk_flavor'),
    )
    with call.db.write() as tx:
        row = rebuilds.rebuild(tx, call.context, id, wanted)
        body = batches.changed(call, tx, row)
    server = body['server']
    server['adminPass'] = wanted.admin_pass
    if call.speaks(microversions.RebuildKeys):
        server['key_name'] = row.key_name
    if call.speaks(microversions.NoPersonality):
        server.pop('OS-EXT-SRV-ATTR:user_data', None)
        server['user_data'] = row.user_data
    return Reply(body, headers=[('Location', f'{call.root_url}/servers/{id}')])


def _values(asked: dict[str, Any]) -> dict[str, Any]:
    """The columns that are to change."""
    found = {column: asked[name] for name, column in CHANGES.items() if name in asked}
    if 'accessIPv6' in asked:
        found['access_ip_v6'] = shapes.shortest(asked['accessIPv6'])
    if 'user_data' in asked:
        found['user_data'] = requests.user_data(asked['user_data'])
    return found
