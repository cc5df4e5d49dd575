"""Fills a fake cloud with the users, flavors, images and networks that clients' test suites expect.

The names and sizes are those of a cloud that devstack makes.  What is there
already, from an earlier run of the same cloud, stays as it is.
"""

from typing import Any

import sqlalchemy as sa

from nimbus.common import context
from nimbus.common.database import db
from nimbus.common.parts import Parts

USERS = ('demo', 'alt_demo')  # each a member of the project of the same name
# name: (id, MiB of memory, virtual CPUs, GiB of disk)
FLAVORS = {
    'm1.tiny': ('1', 512, 1, 1),
    'm1.small': ('2', 2048, 1, 20),
    'm1.medium': ('3', 4096, 2, 40),
    'm1.large': ('4', 8192, 4, 80),
    'm1.xlarge': ('5', 16384, 8, 160),
    'm1.nano': ('42', 192, 1, 1),
    'm1.micro': ('84', 256, 1, 1),
    'cirros256': ('c1', 256, 1, 1),
    'ds512M': ('d1', 512, 1, 5),
    'ds1G': ('d2', 1024, 1, 10),
    'ds2G': ('d3', 2048, 2, 10),
    'ds4G': ('d4', 4096, 4, 20),
}
IMAGE = 'cirros-0.6.3-x86_64-disk'
IMAGE_BYTES = 1 << 20
# name: (owner, values, CIDR of its subnet, whether it is served by DHCP)
NETWORKS: dict[str, tuple[str, dict[str, Any], str, bool]] = {
    'private': ('demo', {}, '10.0.0.0/26', True),
    'shared': ('admin', {'shared': True}, '192.168.233.0/24', True),
    'public': ('admin', {'external': True, 'is_default': True}, '172.24.4.0/24', False),
}
SUBNET: dict[str, Any] = {
    'ip_version': 4,
    'description': '',
    'ipv6_ra_mode': None,
    'ipv6_address_mode': None,
    'dns_nameservers': [],
    'host_routes': [],
}


def plant(parts: Parts, password: str) -> None:
    """The users, with the password, and their projects, the flavors, an image and the networks exist.

    The parts are those of a process whose REST APIs are loaded.
    """
    with parts.db.write() as tx:
        projects = {'admin': _project(tx, 'admin'), **_users(tx, parts, password)}
        _flavors(tx)
        _networks(tx, parts, projects)
    _image(parts, projects['admin'])


def _project(tx: db.Tx, name: str) -> str | None:
    from nimbus.identity.models import Project

    found: str | None = tx.scalar(sa.select(Project.id).where(Project.name == name, Project.domain_id == 'default'))
    return found


def _users(tx: db.Tx, parts: Parts, password: str) -> dict[str, str]:
    """The project of each user, by the user's name."""
    from nimbus.identity.models import Role, User
    from nimbus.identity.people import projects, users
    from nimbus.identity.people.passwords import Passwords
    from nimbus.identity.roles import assignments

    member, found = tx.scalar(sa.select(Role.id).where(Role.name == 'member', Role.domain_id == '')), {}
    hashed = ''
    for name in USERS:
        found[name] = _project(tx, name) or projects.create(tx, {'name': name, 'domain_id': 'default'}, {})
        if tx.scalar(sa.select(User.id).where(User.name == name, User.domain_id == 'default')):
            continue
        hashed = hashed or Passwords(rounds=parts.conf.identity.bcrypt_rounds, threads=1).hash(password)
        fields = {'name': name, 'domain_id': 'default', 'default_project_id': found[name]}
        user = users.create(tx, fields, {}, hashed)
        assignments.grant(tx, assignments.Grant('user', user, 'project', found[name], member))
    return found


def _flavors(tx: db.Tx) -> None:
    from nimbus.compute.flavors import flavors
    from nimbus.compute.models import Flavor

    for name, (flavor_id, ram, vcpus, disk) in FLAVORS.items():
        taken = sa.or_(Flavor.id == flavor_id, Flavor.name == name)
        if tx.scalar(sa.select(Flavor.seq).where(taken)) is None:
            flavors.create(tx, flavors.Wanted(name, vcpus, ram, disk, flavor_id))


def _asker(project_id: str) -> context.Context:
    return context.Context(project_id=project_id, roles=('admin', 'member', 'reader'))


def _networks(tx: db.Tx, parts: Parts, projects: dict[str, Any]) -> None:
    from nimbus.network.models import Network
    from nimbus.network.networks import networks, subnets

    for name, (owner, values, cidr, dhcp) in NETWORKS.items():
        asker = _asker(projects[owner])
        there = sa.select(Network.seq).where(Network.name == name, Network.project_id == asker.project_id)
        if tx.scalar(there) is None:
            made = networks.create(tx, asker, settings=parts.extra['network'], name=name, **values)
            subnet = {**SUBNET, 'name': f'{name}-subnet', 'cidr': cidr, 'enable_dhcp': dhcp}
            subnets.create(tx, asker, networks.show(tx, asker, made), subnet)


def _image(parts: Parts, project_id: str) -> None:
    """The image has a disk of zeros: fake guests read none of it."""
    from nimbus.image.images import images
    from nimbus.image.models import Image

    transfers = parts.extra['image']
    fields = {'name': IMAGE, 'visibility': 'public', 'disk_format': 'raw', 'container_format': 'bare'}
    with parts.db.write() as tx:
        there = sa.select(Image.id).where(Image.name == IMAGE, Image.status == 'active')
        if tx.scalar(there) is not None:
            return
        image = images.create(tx, _asker(project_id), transfers.quotas, fields, {}, ())
    transfers.upload(image, iter([bytes(IMAGE_BYTES)]), IMAGE_BYTES)
