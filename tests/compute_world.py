"""What a server is made from, for tests: a flavor, an image, a network and a key."""

import types
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, ids
from nimbus.common.agents import services
from nimbus.common.database import db
from nimbus.compute import keypairs
from nimbus.compute.flavors import flavors
from nimbus.compute.models import Server
from nimbus.compute.servers import boots, servers
from nimbus.identity.models import Project
from nimbus.image.models import Image, ImageProperty
from nimbus.network.networks import networks, subnets
from nimbus.volume.models import Volume
from tests.conftest import MEMBER

PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHk0YJT8Y6aqmS4pLPQbEB6ZuM2rMLJtqmGjYjB0a2nd someone@somewhere'

SUBNET = {
    'name': '',
    'description': '',
    'cidr': '10.0.0.0/24',
    'ip_version': 4,
    'enable_dhcp': False,
    'ipv6_ra_mode': None,
    'ipv6_address_mode': None,
    'dns_nameservers': [],
    'host_routes': [],
}


def add_image(
    tx: db.Tx,
    image_id: str,
    owner: str = MEMBER.project_id or '',
    properties: dict[str, str] | None = None,
    **more: Any,
) -> str:
    """An active public image stands."""
    now = clock.Clock().now()
    values = {
        'name': 'tiny',
        'owner': owner,
        'status': 'active',
        'visibility': 'public',
        'protected': False,
        'os_hidden': False,
        'disk_format': 'qcow2',
        'container_format': 'bare',
        'min_disk': 0,
        'min_ram': 0,
        'size': 1024,
        'created_at': now,
        'updated_at': now,
    }
    tx.insert(Image, id=image_id, **values | more)
    for name, value in (properties or {}).items():
        tx.insert(ImageProperty, image_id=image_id, name=name, value=value)
    return image_id


def furnish(database: db.Database, asker: context.Context = MEMBER) -> Any:
    """The asker's project has what a server needs; returns the ids."""
    with database.write() as tx:
        _add_project(tx, asker.project_id or '')
        services.report(tx, services.Kind('compute', 'nova-compute'), 'h1', {}, started=True)
        flavor = flavors.create(tx, flavors.Wanted(id='42', name='m1.tiny', vcpus=1, ram=512, disk=1))
        image_id = add_image(tx, '6c2c8f0e-8a5b-4c57-9d3c-000000000001', asker.project_id or '')
        network_id = networks.create(tx, asker, mtu=1500, name='private')
        network = networks.show(tx, asker, network_id)
        subnets.create(tx, asker, network, SUBNET)
        key = keypairs.add(tx, asker, asker.user_id or '', 'key', PUBLIC_KEY)
    return types.SimpleNamespace(flavor=flavor.id, image=image_id, network=network_id, key=key.name)


def _add_project(tx: db.Tx, project_id: str) -> None:
    """Identity knows the project."""
    values = {'name': 'furnished', 'domain_id': 'default', 'parent_id': 'default', 'is_domain': False}
    values |= {'enabled': True, 'description': '', 'extra': {}, 'options': {}, 'created_at': clock.Clock().now()}
    tx.ensure(Project, id=project_id, **values)


def boot(database: db.Database, world: Any, asker: context.Context = MEMBER, **more: Any) -> Any:
    """One server is on its way; returns its row."""
    values = {'name': 'vm', 'flavor_id': world.flavor, 'image_id': world.image, 'networks': 'none', **more}
    with database.write() as tx:
        return boots.boot(tx, asker, boots.Wanted(**values))[0]


def running(database: db.Database, world: Any, asker: context.Context = MEMBER, **more: Any) -> Any:
    """One server is active on host h1; returns its row."""
    row = boot(database, world, asker, **more)
    with database.write() as tx:
        servers.placed(tx, row.id, 'h1', 'h1.example', 'nova')
        assert servers.built(tx, row.id)
        return servers.row_of(tx, row.id)


def put_in(database: db.Database, server_id: str, vm_state: str, task_state: str | None = None) -> None:
    """The server is in these states, however it came there."""
    with database.write() as tx:
        tx.update(Server, Server.id == server_id, vm_state=vm_state, task_state=task_state)


def volume_of(database: db.Database, asker: context.Context, **more: Any) -> str:
    """An available volume of the asker's project."""
    now = clock.Clock().now()
    volume_id = ids.dashed()
    given = {'id': volume_id, 'project_id': asker.project_id, 'user_id': asker.user_id, 'size': 1, 'name': 'v'}
    given |= {'status': 'available', 'attach_status': 'detached', 'bootable': True, 'created_at': now}
    given |= {'updated_at': now} | more
    columns = {
        column.key: _blank(column)
        for column in Volume.__table__.columns
        if column.key not in given and not column.nullable and column.key != 'seq' and column.default is None
    }
    with database.write() as tx:
        tx.insert(Volume, **columns | given)
    return volume_id


def _blank(column: Any) -> Any:
    kinds = ((sa.Boolean, False), (sa.Integer, 0), (sa.BigInteger, 0), (sa.JSON, {}))
    return next((value for kind, value in kinds if isinstance(column.type, kind)), '')
