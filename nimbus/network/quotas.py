"""Quotas of the network service, with Neutron's error messages."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, quotas
from nimbus.common.database import db
from nimbus.network import holders
from nimbus.network.models import (
    AddressGroup,
    FloatingIp,
    Group,
    Network,
    Port,
    Router,
    Rule,
    Sharing,
    Subnet,
    SubnetPool,
)
from nimbus.network.models_wiring import Trunk

DEFAULTS = {
    'network': 100,
    'subnet': 100,
    'subnetpool': -1,
    'port': 500,
    'router': 10,
    'floatingip': 50,
    'security_group': 10,
    'address_group': -1,
    'security_group_rule': 100,
    'rbac_policy': 10,
    'trunk': -1,
}
QUOTAS = quotas.Quotas('network', DEFAULTS, lambda tx, project_id: _rows(tx, project_id))
MODELS: dict[str, Any] = {
    'network': Network,
    'subnet': Subnet,
    'subnetpool': SubnetPool,
    'port': Port,
    'router': Router,
    'floatingip': FloatingIp,
    'security_group': Group,
    'address_group': AddressGroup,
    'security_group_rule': Rule,
    'rbac_policy': Sharing,
    'trunk': Trunk,
}


def take(tx: db.Tx, project_id: str, **amounts: int) -> None:
    """The project holds so much more.  Raises OverQuota, naming every resource that is over."""
    try:
        QUOTAS.take(tx, project_id, **amounts)
    except errors.OverQuota as why:
        raise errors.OverQuota(
            f'Quota exceeded for resources: {why.facts["overs"]}.', **{**why.facts, 'type': 'OverQuota', 'status': 409}
        ) from why


def give_back(tx: db.Tx, project_id: str, **amounts: int) -> None:
    """The project holds so much less."""
    QUOTAS.give_back(tx, project_id, **amounts)


def room(tx: db.Tx, project_id: str, resource: str) -> int | None:
    """How many more of the resource the project may have now; None where there is no limit."""
    held = QUOTAS.show(tx, project_id)[resource]
    return None if held.limit == quotas.UNLIMITED else max(0, held.limit - held.used)


def forget(tx: db.Tx, project_id: str) -> None:
    """The project has no limits of its own.  Raises NotFound where it had none."""
    if project_id not in QUOTAS.projects(tx):
        raise errors.NotFound(f'Quota for tenant {project_id} could not be found.', type='TenantQuotaNotFound')
    QUOTAS.reset(tx, project_id)


def _rows(tx: db.Tx, project_id: str | None) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for resource, model in MODELS.items():
        query = sa.select(model.project_id, sa.func.count()).group_by(model.project_id)
        query = query.where(model.project_id == project_id) if project_id is not None else query
        query = query.where(Port.holder.not_in(holders.UNCOUNTED)) if model is Port else query
        for owner, count in tx.execute(query):
            found.setdefault(owner, {})[resource] = count
    return found


RECOUNT = quotas.Recount(QUOTAS, tuple(MODELS), _rows)
