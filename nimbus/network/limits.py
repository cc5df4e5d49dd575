"""The network service's quotas, refused in Neutron's words."""

from nimbus.common import db, errors, quotas

DEFAULTS = {
    'network': 100,
    'subnet': 100,
    'port': 500,
    'router': 10,
    'security_group': 10,
    'security_group_rule': 100,
}
QUOTAS = quotas.Quotas('network', DEFAULTS)


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


def forget(tx: db.Tx, project_id: str) -> None:
    """The project has no limits of its own.  Raises NotFound where it had none."""
    if project_id not in QUOTAS.projects(tx):
        raise errors.NotFound(f'Quota for tenant {project_id} could not be found.', type='TenantQuotaNotFound')
    QUOTAS.reset(tx, project_id)
