"""Writes tempest.conf for a cloud, from what the cloud says about itself."""

import configparser
import dataclasses
import pathlib

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ksa

from devstack import demo
from devstack.place import Place, write_private
from devstack.progress import Unable
from devstack.settings import COMPLIANCE

OTHER = 'tempest-other'  # an image
Values = dict[str, dict[str, object]]


@dataclasses.dataclass(frozen=True)
class Found:
    """What a test needs to name, and the newest versions that the cloud advertises."""

    images: tuple[str, str]
    flavors: tuple[str, str]
    compute_version: str
    volume_version: str
    store: tuple[str, str]  # the vendor and the protocol of the volumes' store
    outside: str  # an external network; '' where there is none
    hosts: int  # that run servers and are up
    moves_running: bool  # whether guests that run can go between them: an embedded hypervisor sends none


def look(place: Place) -> Found:
    """What the cloud has for tests to use.  Raises Unable when it lacks an image or a flavor."""
    admin = demo.Api(place, 'admin')
    images = [row for row in admin.of('image').get('/v2/images').json()['images'] if row['status'] == 'active']
    flavors = sorted(admin.of('compute').get('/flavors/detail').json()['flavors'], key=lambda row: row['ram'])
    if not images or not flavors:
        raise Unable('tempest needs an active image and a flavor; run devstack/up first, without --no-demo.')
    pools = admin.of('block-storage').get('/scheduler-stats/get_pools?detail=true').json()['pools']
    can = pools[0]['capabilities'] if pools else {}
    return Found(
        images=_images(admin, images),
        flavors=(flavors[0]['id'], flavors[min(1, len(flavors) - 1)]['id']),
        compute_version=_newest(admin.of('compute')),
        volume_version=_newest(admin.of('block-storage')),
        store=(can.get('vendor_name', ''), can.get('storage_protocol', '')),
        outside=_outside(admin),
        hosts=_hosts(admin),
        moves_running=place.choices.form != 'embedded' or place.choices.fake,
    )


def _images(admin: demo.Api, active: list[dict]) -> tuple[str, str]:
    """The smallest image, and another one of the same bytes, made now if there was none."""
    first = min((row for row in active if row['name'] != OTHER), key=lambda row: row['size'])
    second = next((row for row in active if row['name'] == OTHER), None)
    if second is None:
        glance = admin.of('image')
        kept = ('disk_format', 'container_format', 'visibility')
        second = glance.post('/v2/images', json={'name': OTHER, **{name: first[name] for name in kept}}).json()
        data = glance.get(f'/v2/images/{first["id"]}/file').content
        headers = {'Content-Type': 'application/octet-stream'}
        glance.put(f'/v2/images/{second["id"]}/file', data=data, headers=headers)
    return first['id'], second['id']


def _hosts(admin: demo.Api) -> int:
    found = admin.of('compute').get('/os-services?binary=nova-compute').json()['services']
    return sum(row['state'] == 'up' for row in found)


def _outside(admin: demo.Api) -> str:
    external = admin.of('network').get('/v2.0/networks?router:external=True').json()['networks']
    return next((row['id'] for row in sorted(external, key=lambda row: not row['is_default'])), '')


# The newest whose answer to a change of a volume tempest's schema knows.
KNOWN_VOLUME = '3.62'


def _newest(service: adapter.Adapter) -> str:
    try:
        version = service.get_endpoint_data().max_microversion
    except (ksa.ClientException, AttributeError):
        # A service that is away fails its own tests, and no others.
        version = None
    return '.'.join(str(part) for part in version) if version else 'latest'


def write(place: Place, folder: pathlib.Path, newest: bool = False, **more: str) -> pathlib.Path:
    """tempest.conf stands in `folder`/etc; `newest` asks for the newest version in every request."""
    found = look(place)
    values = _values(place, folder, found)
    if newest:
        values['compute']['min_microversion'] = found.compute_version
        values['volume']['min_microversion'] = min(found.volume_version, KNOWN_VOLUME)
    for name, value in more.items():
        section, _, option = name.partition('.')
        values.setdefault(section, {})[option] = value
    parser = configparser.RawConfigParser()
    parser.read_dict(
        {section: {key: _text(value) for key, value in pairs.items()} for section, pairs in values.items()}
    )
    (folder / 'etc').mkdir(parents=True, exist_ok=True)
    (folder / 'logs').mkdir(exist_ok=True)
    path = folder / 'etc' / 'tempest.conf'
    write_private(path, '')
    with path.open('w') as file:
        parser.write(file)
    return path


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(place: Place, folder: pathlib.Path, found: Found) -> Values:
    return {
        'DEFAULT': {'log_dir': folder / 'logs', 'log_file': 'tempest.log'},
        'oslo_concurrency': {'lock_path': folder / 'locks'},
        **_who(place),
        **_what(found),
        **_network_and_guests(found),
    }


def _who(place: Place) -> Values:
    identity = f'{place.url("identity")}/v3'
    scoped = ('keystone', 'nova', 'neutron', 'glance', 'cinder', 'placement')
    return {
        'auth': {
            'use_dynamic_credentials': True,
            'create_isolated_networks': True,
            'default_credentials_domain_name': 'Default',
            'tempest_roles': 'member',
            'admin_username': 'admin',
            'admin_password': place.secret('admin'),
            'admin_project_name': 'admin',
            'admin_domain_name': 'Default',
            'admin_system': 'all',
        },
        'identity': {
            'uri_v3': identity,
            'auth_version': 'v3',
            'region': 'RegionOne',
            'default_domain_id': 'default',
            **{f'user_{name}': value for name, value in COMPLIANCE.items()},
        },
        'identity-feature-enabled': {'api_v3': True, 'security_compliance': True, 'federation': False},
        'enforce_scope': dict.fromkeys(scoped, True),
        'service_available': {
            **dict.fromkeys(('nova', 'neutron', 'glance', 'cinder'), True),
            **dict.fromkeys(('swift', 'horizon'), False),
        },
    }


def _what(found: Found) -> Values:
    return {
        'compute': {
            'image_ref': found.images[0],
            'image_ref_alt': found.images[1],
            'flavor_ref': found.flavors[0],
            'flavor_ref_alt': found.flavors[1],
            'min_compute_nodes': max(1, found.hosts),
            'min_microversion': '2.1',
            'max_microversion': 'latest',
            'build_timeout': 240,
        },
        'compute-feature-enabled': {**_abilities(), **_moves(found)},
        'image': {'disk_formats': 'raw,qcow2', 'container_formats': 'bare'},
        'volume': {
            'catalog_type': 'block-storage',
            'min_microversion': '3.0',
            'max_microversion': 'latest',
            'volume_size': 1,
            'vendor_name': found.store[0],
            'storage_protocol': found.store[1],
            'build_timeout': 240,
        },
        'volume-feature-enabled': {'backup': False, 'snapshot': False, 'multi_backend': False},
    }


def _abilities() -> dict[str, object]:
    """What compute is asked for whatever the cloud's size."""
    return {
        'config_drive': True,
        'console_output': True,
        'metadata_service': True,
        'disk_config': True,
        'interface_attach': True,
        'resize': True,
        'suspend': True,
        'pause': True,
        'shelve': True,
        'personality': True,
        'rescue': True,
        'stable_rescue': True,
        'hostname_fqdn_sanitization': True,
        'snapshot': True,
        'swap_volume': False,
        'volume_multiattach': False,
        'attach_encrypted_volume': False,
        'vnc_console': True,
        'serial_console': True,
        # Each that is enabled from the beginning.
        'scheduler_enabled_filters': 'all',
        'nova_policy_roles': 'admin,manager,member,reader',
    }


def _moves(found: Found) -> dict[str, object]:
    several = found.hosts > 1
    lively = ('live_migration', 'block_migration_for_live_migration', 'volume_backed_live_migration')
    return {
        'cold_migration': several,
        'shelve_migrate': several,
        **dict.fromkeys((*lively, 'live_migrate_back_and_forth'), several and found.moves_running),
    }


def _network_and_guests(found: Found) -> Values:
    return {
        'network': {
            'project_network_cidr': '10.101.0.0/20',
            'project_network_mask_bits': 28,
            'project_networks_reachable': False,
            'public_network_id': found.outside,
            'floating_network_name': demo.OUTSIDE if found.outside else '',
        },
        'network-feature-enabled': {
            'api_extensions': 'all',
            'floating_ips': bool(found.outside),
            'ipv6_subnet_attributes': True,
        },
        'validation': {'run_validation': False, 'image_ssh_user': 'cirros', 'ssh_key_type': 'ecdsa'},
    }
