"""Bootstrap: creates the default domain, the administrator, the default roles and the cloud's own catalog."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, ids
from nimbus.common.database import db
from nimbus.identity import revocations
from nimbus.identity.catalog import catalog
from nimbus.identity.models import ROOT, Endpoint, ImpliedRole, Project, Region, Role, Service, User
from nimbus.identity.people.passwords import Passwords
from nimbus.identity.roles import assignments
from nimbus.identity.roles.assignments import SYSTEM, Grant

LADDER = ('admin', 'manager', 'member', 'reader')  # each implies the next
# Service types under which clients look for one and the same API.
ALIASES = {'block-storage': ('block-storage', 'volumev3', 'volumev2', 'volume')}
NAMES = {
    'identity': 'keystone',
    'compute': 'nova',
    'image': 'glance',
    'network': 'neutron',
    'placement': 'placement',
    'block-storage': 'cinder',
    'volumev3': 'cinderv3',
    'volumev2': 'cinderv2',
    'volume': 'cinder',
}


def bootstrap(
    tx: db.Tx,
    *,
    admin_password: str,
    region: str,
    urls: dict[str, str],
    service_password: str | None,
    passwords: Passwords | None = None,
) -> dict[str, str]:
    """The default domain, admin, the roles, the service user and the catalog exist; what existed before stays.

    A password is set only for a user who has none; without one the service user cannot log in.  `urls` is the URL of
    each service type.  Returns what became of each user: made, kept, given (a password) or without (one).
    """
    passwords = passwords or Passwords(threads=1)
    _domain(tx)
    roles = {name: _role(tx, name) for name in (*LADDER, 'service')}
    for prior, implied in zip(LADDER, LADDER[1:], strict=False):
        _implies(tx, roles[prior], roles[implied])
    admin_project, service_project = _project(tx, 'admin'), _project(tx, 'service')
    done: dict[str, str] = {}
    admin = _user(tx, 'admin', admin_password, passwords, done)
    service = _user(tx, 'nimbus', service_password, passwords, done)
    for grant in (
        Grant('user', admin, 'project', admin_project, roles['admin']),
        Grant('user', admin, 'domain', 'default', roles['admin']),
        Grant('user', admin, 'system', SYSTEM, roles['admin']),
        Grant('user', service, 'project', service_project, roles['service']),
        Grant('user', service, 'project', service_project, roles['admin']),
    ):
        assignments.grant(tx, grant)
    _region(tx, region)
    for kind, url in urls.items():
        for name in ALIASES.get(kind, (kind,)):
            if name == kind or name not in urls:
                _service(tx, name, region, url)
    return done


def _domain(tx: db.Tx) -> None:
    if not tx.scalar(sa.select(Project.id).where(Project.id == 'default')):
        _insert_project(tx, 'default', 'Default', ROOT, None, 'The default domain')


def _project(tx: db.Tx, name: str) -> str:
    found = tx.scalar(sa.select(Project.id).where(Project.name == name, Project.domain_id == 'default'))
    return found or _insert_project(tx, ids.plain(), name, 'default', 'default', f'The {name} project')


def _insert_project(
    tx: db.Tx, project_id: str, name: str, domain_id: str, parent_id: str | None, description: str
) -> str:
    tx.insert(
        Project,
        id=project_id,
        name=name,
        domain_id=domain_id,
        parent_id=parent_id,
        is_domain=parent_id is None,
        enabled=True,
        description=description,
        extra={},
        options={},
        created_at=clock.Clock().now(),
    )
    return project_id


def _role(tx: db.Tx, name: str) -> str:
    found = tx.scalar(sa.select(Role.id).where(Role.name == name, Role.domain_id == ROOT))
    if found:
        return found
    role_id = ids.plain()
    tx.insert(
        Role,
        id=role_id,
        name=name,
        domain_id=ROOT,
        description=None,
        extra={},
        options={'immutable': True},
        created_at=clock.Clock().now(),
    )
    return role_id


def _implies(tx: db.Tx, prior_id: str, implied_id: str) -> None:
    where = (ImpliedRole.prior_id == prior_id, ImpliedRole.implied_id == implied_id)
    if tx.scalar(sa.select(ImpliedRole.seq).where(*where)) is None:
        tx.insert(ImpliedRole, prior_id=prior_id, implied_id=implied_id)
        revocations.refresh(tx, 'all')


def _user(tx: db.Tx, name: str, password: str | None, passwords: Passwords, done: dict[str, str]) -> str:
    found: Any = tx.row(sa.select(User.id, User.password_hash).where(User.name == name, User.domain_id == 'default'))
    done[name] = 'without' if not password else 'kept' if found else 'made'
    if found and found.password_hash is not None:
        done[name] = 'kept'
    elif found and password:
        now = clock.Clock().now()
        tx.update(User, User.id == found.id, password_hash=passwords.hash(password), password_created_at=now)
        done[name] = 'given'
    if found:
        return found.id
    user_id, now = ids.plain(), clock.Clock().now()
    tx.insert(
        User,
        id=user_id,
        name=name,
        domain_id='default',
        enabled=True,
        default_project_id=None,
        password_hash=None if password is None else passwords.hash(password),
        password_created_at=now,
        password_expires_at=None,
        extra={},
        options={},
        created_at=now,
    )
    return user_id


def _region(tx: db.Tx, region: str) -> None:
    if not tx.scalar(sa.select(Region.id).where(Region.id == region)):
        catalog.create_region(tx, {'id': region}, {})


def _service(tx: db.Tx, kind: str, region: str, url: str) -> None:
    """The service has an endpoint at the URL for every interface; one with another URL is changed to it."""
    service_id = tx.scalar(sa.select(Service.id).where(Service.type == kind).order_by(Service.seq))
    if service_id is None:
        service_id = catalog.create_service(tx, {'type': kind, 'name': NAMES.get(kind, kind)}, {})
    for interface in catalog.INTERFACES:
        found: Any = tx.row(
            sa.select(Endpoint.id, Endpoint.url).where(
                Endpoint.service_id == service_id, Endpoint.interface == interface, Endpoint.region_id == region
            )
        )
        values = {'service_id': service_id, 'interface': interface, 'region_id': region, 'url': url}
        if found is None:
            catalog.create_endpoint(tx, values, {})
        elif found.url != url:
            catalog.update_endpoint(tx, found.id, {'url': url}, {})
