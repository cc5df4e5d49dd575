"""Neutron notifications of ports made and removed with servers; those of users' requests come from the REST API."""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context
from nimbus.common.database import db
from nimbus.common.messaging import outbox
from nimbus.network import addresses
from nimbus.network.models import Port
from nimbus.network.security_groups import groups


def notify(tx: db.Tx, ctx: context.Context, port_id: str, *what: str) -> None:
    """The notifications `port.WHAT` are posted, in their order, with the port as it is now."""
    if tx.publisher is None:
        return
    row = tx.row(sa.select(Port).where(Port.id == port_id))
    if row is None:
        return
    port = describe(tx, row)
    for name in what:
        more = {'port_id': port_id} if name.startswith('delete') else {}
        outbox.post(tx, ctx, 'network', f'port.{name}', lambda given=more: {**given, 'port': port})


def describe(tx: db.Tx, row: Any) -> dict[str, Any]:
    """The port under its names on the wire."""
    fixed = addresses.of(tx, [row.id]).get(row.id, ())
    return {
        'id': row.id,
        'name': row.name,
        'description': row.description,
        'network_id': row.network_id,
        'project_id': row.project_id,
        'tenant_id': row.project_id,
        'mac_address': row.mac_address,
        'fixed_ips': [{'subnet_id': subnet_id, 'ip_address': ip} for _, subnet_id, ip in fixed],
        'security_groups': groups.of_ports(tx, [row.id]).get(row.id, []),
        'port_security_enabled': row.port_security_enabled,
        'allowed_address_pairs': row.allowed_address_pairs,
        'admin_state_up': row.admin_state_up,
        'status': row.status,
        'device_id': row.device_id,
        'device_owner': row.device_owner,
        'binding:host_id': row.host,
        'binding:vnic_type': row.vnic_type,
        'binding:vif_type': 'ovs' if row.host else 'unbound',
        'binding:profile': row.profile,
        'revision_number': row.revision_number,
        'created_at': clock.iso(row.created_at),
        'updated_at': clock.iso(row.updated_at),
    }
