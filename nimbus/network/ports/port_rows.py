"""Ports as rows: made with their addresses and groups, and every host concerned told."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors, ids
from nimbus.common.context import Context
from nimbus.common.database import db
from nimbus.network import addresses as fixed
from nimbus.network import generations, holders, quotas, standard_attributes
from nimbus.network.models import Network, Port
from nimbus.network.ports import macs
from nimbus.network.security_groups import groups

MAC_TRIES = 16
DOWN = 'DOWN'  # of a port that its host has not wired
BY_ID = db.Fixed(sa.select(db.table_of(Port)).where(Port.id == sa.bindparam('of')))
SINCE = db.Fixed(
    sa.update(db.table_of(Port)).where(Port.id == sa.bindparam('of')).values(since=sa.bindparam('reached'))
)


@dataclasses.dataclass(frozen=True)
class Draft:
    """A port that is to be made."""

    network: Any
    project_id: str
    id: str = dataclasses.field(default_factory=ids.dashed)
    name: str = ''
    description: str = ''
    mac_address: str | None = None
    fixed_ips: Sequence[dict[str, str]] | None = None  # None: one of each kind
    groups: Sequence[str] | None = None  # None: the project's default group
    admin_state_up: bool = True
    device_id: str = ''
    device_owner: str = ''
    holder: str = ''
    holder_id: str = ''
    host: str = ''
    vnic_type: str = 'normal'
    profile: dict[str, Any] = dataclasses.field(default_factory=dict)
    port_security_enabled: bool | None = None  # None: as the network says
    allowed_address_pairs: Sequence[dict[str, str]] = ()
    extra_dhcp_opts: Sequence[dict[str, Any]] = ()
    hostname: str = ''
    dns_name: str | None = None
    dns_domain: str | None = None
    created_for_server: bool = False
    place: int = 0
    qos_policy_id: str | None = None


def insert(tx: db.Tx, ctx: Context, draft: Draft) -> str:
    """The port stands with its addresses and groups, and every host concerned is nudged; returns its id.

    Raises OverQuota, Conflict on a MAC or address that is taken, Invalid on an address no subnet has.
    """
    own = holders.is_own(draft)
    if draft.holder not in holders.UNCOUNTED:
        quotas.take(tx, draft.project_id, port=1)
    secure = draft.port_security_enabled
    secure = not own and (draft.network.port_security_enabled if secure is None else secure)
    mac = _insert_row(tx, ctx, draft, secure)
    (fixed.give if holders.of_service(draft) else fixed.give_guest)(
        tx, draft.id, draft.network.id, mac, draft.fixed_ips, owner=draft.device_owner
    )
    if draft.groups is None:
        wanted = [groups.ensure_default(tx, ctx, draft.project_id)] if secure else []
        groups.put_in(tx, draft.id, wanted)
    else:
        wanted = list(draft.groups)
        groups.join(tx, ctx, draft.id, draft.project_id, wanted)
    concern(tx, draft.id, draft.network.id, draft.host, wanted)
    return draft.id


def _insert_row(tx: db.Tx, ctx: Context, draft: Draft, secure: bool) -> str:
    values = dataclasses.asdict(dataclasses.replace(draft, network=None))
    for name in ('network', 'mac_address', 'fixed_ips', 'groups', 'port_security_enabled'):
        del values[name]
    values = standard_attributes.stamp(ctx, draft.project_id) | values
    values |= {
        'network_id': draft.network.id,
        'port_security_enabled': secure,
        'allowed_address_pairs': list(draft.allowed_address_pairs),
        'extra_dhcp_opts': list(draft.extra_dhcp_opts),
        'status': DOWN,
        'since': 0,
    }
    for _ in range(MAC_TRIES):
        mac = draft.mac_address or macs.new()
        try:
            with tx.trial():
                tx.insert(Port, mac_address=mac, **values)
            return mac
        except sa.exc.IntegrityError:
            _explain_clash(tx, draft, mac)
    raise errors.Conflict(
        f'Unable to generate unique mac on network {draft.network.id}.', type='MacAddressGenerationFailure'
    )


def _explain_clash(tx: db.Tx, draft: Draft, mac: str) -> None:
    """Raise what was in the way of a new port's row, if trying another MAC does not help."""
    if tx.row(sa.select(Port.id).where(Port.id == draft.id)) is not None:
        raise errors.Conflict(f'Port {draft.id} exists already.', type='PortBound') from None
    if tx.row(sa.select(Network.id).where(Network.id == draft.network.id)) is None:
        raise standard_attributes.missing('Network', draft.network.id) from None
    if draft.mac_address:
        raise errors.Conflict(
            f'Unable to complete operation for network {draft.network.id}. The mac address {mac} is in use.',
            type='MacAddressInUse',
        ) from None


def concern(tx: db.Tx, port_id: str, network_id: str, host: str, group_ids: Sequence[str]) -> None:
    """Every host that must know of the port is at a new generation, and the port is not wired before its own is."""
    hosts = generations.of_ports(tx, network_id) | generations.of_peers(tx, group_ids)
    reached = generations.bump(tx, hosts | {host}, (generations.PORT, port_id))
    if host:
        tx.change(SINCE, {'of': port_id, 'reached': reached[host]})


def get(tx: db.Tx, port_id: str) -> Any:
    """The port's row whoever asks, or None."""
    return tx.row(BY_ID, {'of': port_id})
