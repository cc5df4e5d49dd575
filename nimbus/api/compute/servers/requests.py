"""Reads the body of POST /servers: its schema in each version, and the build request that it becomes."""

import base64
import binascii
import functools
import secrets
import string
from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.compute.shapes import closed
from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.common import errors, ids, numbers
from nimbus.compute.devices import block_requests
from nimbus.compute.servers import boots
from nimbus.scheduler import hints as hint_checks

MAX_USER_DATA = 65535
PASSWORD_SIGNS = string.ascii_letters + string.digits
LOCAL_ID: shapes.Schema = {'type': 'string', 'minLength': 1, 'maxLength': 255, 'pattern': r'^[a-zA-Z0-9._-]*$'}
SHORT: shapes.Schema = {'type': 'string', 'maxLength': 255}
DEVICE_NAME: shapes.Schema = {'type': 'string', 'minLength': 1, 'maxLength': 255, 'pattern': r'^[a-zA-Z0-9._/-]*$'}
HINTS: shapes.Schema = {
    'type': 'object',
    'properties': {
        'group': {'anyOf': [shapes.UUID, {'type': 'array', 'items': shapes.UUID, 'minItems': 1}]},
        'different_host': {'anyOf': [shapes.UUID, {'type': 'array', 'items': shapes.UUID}]},
        'same_host': {'type': ['string', 'array'], 'items': shapes.UUID},
        'query': {'type': ['string', 'object']},
        'build_near_host_ip': shapes.IP,
        'cidr': {'type': 'string', 'pattern': r'^/[0-9a-f.:]+$'},
    },
}
LEGACY_DEVICE: shapes.Schema = {
    'virtual_name': SHORT,
    'volume_id': shapes.UUID,
    'snapshot_id': shapes.UUID,
    'volume_size': shapes.number(1),
    'device_name': DEVICE_NAME,
    'delete_on_termination': shapes.BOOLEAN,
    'no_device': {},
    'connection_info': {'type': 'string'},
}
DEVICE: shapes.Schema = LEGACY_DEVICE | {
    'source_type': {'type': 'string', 'enum': ['volume', 'image', 'snapshot', 'blank']},
    'uuid': LOCAL_ID,
    'image_id': shapes.UUID,
    'destination_type': {'type': 'string', 'enum': ['local', 'volume']},
    'guest_format': SHORT,
    'device_type': SHORT,
    'disk_bus': SHORT,
    'boot_index': {'type': ['integer', 'string', 'null'], 'pattern': r'^-?[0-9]{1,9}$', 'maximum': shapes.MAX_INT},
}


FILES: shapes.Schema = {
    'type': 'array',
    'items': closed({'path': {'type': 'string'}, 'contents': {'type': 'string'}}, ['path', 'contents']),
}
CERTIFICATES: shapes.Schema = {
    'type': ['array', 'null'],
    'minItems': 1,
    'maxItems': 50,
    'uniqueItems': True,
    'items': {'type': 'string', 'minLength': 1},
}


@functools.lru_cache(256)
def shape(version: Version) -> Shape:
    """The shape of a request for new servers."""
    server = {
        'name': shapes.NAME,
        'imageRef': {'anyOf': [shapes.UUID, {'type': 'string', 'maxLength': 0}]},
        'flavorRef': {'type': ['string', 'integer'], 'minLength': 1},
        'adminPass': {'type': 'string', 'maxLength': 255},
        'metadata': shapes.METADATA,
        'networks': _networks(version),
        'OS-DCF:diskConfig': shapes.DISK_CONFIG,
        'accessIPv4': {'type': 'string', 'format': 'ipv4'},
        'accessIPv6': {'type': 'string', 'format': 'ipv6'},
        'availability_zone': shapes.NAME,
        'block_device_mapping': {'type': 'array', 'items': closed(LEGACY_DEVICE)},
        'block_device_mapping_v2': {'type': 'array', 'items': closed(DEVICE | _device_extras(version))},
        'config_drive': shapes.BOOLEAN,
        'key_name': shapes.NAME,
        'min_count': shapes.number(1),
        'max_count': shapes.number(1),
        'return_reservation_id': shapes.BOOLEAN,
        'security_groups': {'type': 'array', 'items': closed({'name': shapes.NAME})},
        'user_data': {'type': 'string', 'maxLength': MAX_USER_DATA},
        **_extras(version),
    }
    required = ['name', 'flavorRef'] + (['networks'] if version >= microversions.NetworksRequired.number else [])
    return shapes.under(
        'server', closed(server, required), **{'os:scheduler_hints': HINTS, 'OS-SCH-HNT:scheduler_hints': HINTS}
    )


def _networks(version: Version) -> shapes.Schema:
    item = {'fixed_ip': shapes.IP, 'port': {'type': ['string', 'null'], 'format': 'uuid'}}
    item['uuid'] = shapes.UUID if version >= microversions.NetworksRequired.number else {'type': 'string'}
    if (2, 32) <= version <= (2, 36) or version >= microversions.DeviceTagsBack.number:
        item['tag'] = shapes.DEVICE_TAG
    listed = {'type': 'array', 'items': closed(item)}
    if version < microversions.NetworksRequired.number:
        return listed
    return {'anyOf': [listed, {'type': 'string', 'enum': ['none', 'auto']}]}


def _device_extras(version: Version) -> shapes.Schema:
    found: shapes.Schema = {}
    if version == microversions.DeviceTags.number or version >= microversions.DeviceTagsBack.number:
        found['tag'] = shapes.DEVICE_TAG
    if version >= microversions.VolumeTypes.number:
        found['volume_type'] = {'type': ['string', 'null'], 'maxLength': 255}
    return found


def _extras(version: Version) -> shapes.Schema:
    """The fields that versions added or removed."""
    windows = (
        (microversions.Descriptions, {'description': shapes.DESCRIPTION}),
        (microversions.TagsAtCreate, {'tags': {'type': 'array', 'items': shapes.TAG, 'maxItems': 50}}),
        (microversions.TrustedCertificates, {'trusted_image_certificates': CERTIFICATES}),
        (microversions.RequestedHost, {'host': shapes.FQDN, 'hypervisor_hostname': shapes.FQDN}),
        (microversions.Hostnames, {'hostname': shapes.HOSTNAME}),
        (microversions.QualifiedHostnames, {'hostname': shapes.FQDN}),
    )
    found: shapes.Schema = {} if version >= microversions.NoPersonality.number else {'personality': FILES}
    for change, fields in windows:
        if version >= change.number:
            found |= fields
    return found


class Shapes:
    """The shapes of all versions, for the route."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        return shape(version)


def wanted(call: Call, body: dict[str, Any]) -> boots.Wanted:
    """What a valid body asks for.  Raises Invalid and Forbidden."""
    asked = body['server']
    least, most = _counts(asked)
    hints = body.get('os:scheduler_hints') or body.get('OS-SCH-HNT:scheduler_hints') or {}
    check_certificates(asked)
    hint_checks.check(hints, call.parts.extra['compute'].filters)
    image_id = asked.get('imageRef') or None
    devices = _devices(call, asked, image_id)
    if image_id is None and not devices:
        raise errors.Invalid('Missing imageRef attribute')
    destination = _destination(call, asked)
    return boots.Wanted(
        name=asked['name'],
        flavor_id=flavor_id(asked['flavorRef']),
        image_id=image_id,
        description=asked.get('description') if call.speaks(microversions.Descriptions) else asked['name'],
        hostname=_hostname(asked, most),
        min_count=least,
        max_count=most,
        networks=_requested_networks(call, asked.get('networks')),
        security_groups=_security_groups(asked),
        devices=tuple(devices),
        key_name=asked.get('key_name'),
        user_data=user_data(asked.get('user_data')),
        personality=tuple(file_of(file) for file in asked.get('personality', ())),
        config_drive=shapes.flag(asked.get('config_drive', False)),
        properties=asked.get('metadata', {}),
        tags=tuple(asked.get('tags', ())),
        hints=hints,
        admin_pass=asked.get('adminPass') or password(),
        disk_config=asked.get('OS-DCF:diskConfig'),
        access_ip_v4=asked.get('accessIPv4'),
        access_ip_v6=shapes.shortest(asked.get('accessIPv6')),
        may_have_no_disk=call.allows(policies.SERVERS + 'create:zero_disk_flavor'),
        **destination,
    )


def _counts(asked: dict[str, Any]) -> tuple[int, int]:
    """The least and the most servers that are asked for.  Raises Invalid."""
    least = numbers.whole(asked.get('min_count', 1), 'min_count', least=1)
    most = numbers.whole(asked.get('max_count', least), 'max_count', least=1)
    if least > most:
        raise errors.Invalid('min_count must be <= max_count')
    return least, most


def _security_groups(asked: dict[str, Any]) -> tuple[str, ...]:
    named = dict.fromkeys(group['name'] for group in asked.get('security_groups', ()) if group)
    return tuple(named) or ('default',)


def _destination(call: Call, asked: dict[str, Any]) -> dict[str, str | None]:
    """The zone and hosts that are asked for, in either of the two ways.  Raises Invalid and Forbidden."""
    zone, host, node = _zone(call, asked.get('availability_zone'))
    requested_host, requested_node = asked.get('host'), asked.get('hypervisor_hostname')
    if requested_host or requested_node:
        call.check(policies.REQUESTED_DESTINATION)
        if host or node:
            raise errors.Invalid(
                'One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are '
                'mutually exclusive.'
            )
    return {
        'zone': zone,
        'forced_host': host,
        'forced_node': node,
        'requested_host': requested_host,
        'requested_node': requested_node,
    }


def check_certificates(asked: dict[str, Any]) -> None:
    """Nothing, when the image is not to be checked against certificates.  Raises NotBuilt."""
    if asked.get('trusted_image_certificates'):
        raise errors.NotBuilt('Checking an image against trusted certificates is not part of this cloud.')


def password() -> str:
    """A new password of 12 letters and digits."""
    return ''.join(secrets.choice(PASSWORD_SIGNS) for _ in range(12))


def flavor_id(reference: Any) -> str:
    """The id at the end of a flavor's id or address."""
    return str(reference).rstrip('/').rsplit('/', 1)[-1].split('?')[0]


def _devices(call: Call, asked: dict[str, Any], image_id: str | None) -> list[block_requests.Device]:
    legacy, items = asked.get('block_device_mapping', []), asked.get('block_device_mapping_v2', [])
    if legacy and items:
        raise errors.Invalid('Using different block_device_mapping syntaxes is not allowed in the same request.')
    if legacy or items:
        call.check(policies.SERVERS + 'create:attach_volume')
    if legacy:
        return block_requests.from_legacy(legacy, image_id)
    return block_requests.from_v2(items, image_id) if items else []


def _zone(call: Call, text: str | None) -> tuple[str | None, str | None, str | None]:
    """Zone, host and node of `zone:host:node`, which only an operator may give."""
    if not text or ':' not in text:
        return text or None, None, None
    parts = text.split(':')
    if len(parts) > 3:
        raise errors.Invalid('Invalid input received: Unable to parse availability_zone')
    call.check(policies.SERVERS + 'create:forced_host')
    zone, host, node = (*parts, '')[:3]
    return zone or None, host or None, node or None


def _hostname(asked: dict[str, Any], most: int) -> str | None:
    if asked.get('hostname') and most > 1:
        raise errors.Invalid(
            'Unable to allocate a single hostname to multiple instances; please leave the hostname out.'
        )
    return asked.get('hostname')


def _requested_networks(call: Call, asked: Any) -> Any:
    """The requested networks: 'auto', 'none' or a list of ids, ports and addresses.  Raises Invalid and Forbidden."""
    if asked is None or asked == 'none':
        return asked
    call.check(policies.SERVERS + 'create:attach_network')
    if asked == 'auto':
        return asked
    ports = [item['port'] for item in asked if item.get('port')]
    for port in ports:
        if ports.count(port) > 1:
            raise errors.Invalid(f"Port ID '{port}' was specified twice: you cannot attach a port multiple times.")
    for item in asked:
        if item.get('port') and item.get('fixed_ip'):
            raise errors.Invalid(
                f"Specified Fixed IP '{item['fixed_ip']}' cannot be used with port '{item['port']}': the two cannot "
                'be specified together.'
            )
        if not item.get('port') and 'uuid' not in item:
            raise errors.Invalid("Bad network format: missing 'uuid'")
        if not item.get('port') and not ids.is_uuid(item['uuid'].removeprefix('br-')):
            raise errors.Invalid(f'Bad networks format: network uuid is not in proper format ({item["uuid"]})')
    return [{name: item.get(name) for name in ('uuid', 'port', 'fixed_ip', 'tag')} for item in asked] or None


def user_data(text: str | None) -> str | None:
    """The text, which must be base64.  Raises Invalid."""
    if text is None:
        return None
    try:
        base64.b64decode(text.encode(), validate=False)
    except (binascii.Error, ValueError):
        raise errors.Invalid('User data needs to be valid base 64.') from None
    return text


def file_of(file: dict[str, str]) -> dict[str, str]:
    """A file that is wanted in the guest.  Raises Invalid for contents that are not base64."""
    try:
        base64.b64decode(''.join(file['contents'].split()), validate=True)
    except (binascii.Error, ValueError):
        raise errors.Invalid(
            f'Invalid input for field/attribute contents. Value: {file["contents"][:80]}. It is not base64.'
        ) from None
    return {'path': file['path'], 'contents': file['contents']}
