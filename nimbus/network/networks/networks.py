"""Networks: their rows, and the networks and ports that a new server is plugged into."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.common.database import db, listing
from nimbus.network import access, generations, holders, quotas, standard_attributes
from nimbus.network.hosts import scheduling
from nimbus.network.models import Address, Network, Port, Sharing, Subnet
from nimbus.network.networks import segments
from nimbus.network.options import Settings
from nimbus.network.ports import floating_ports, ports
from nimbus.network.qos import bindings

KIND = 'network'


def visible(ctx: Context) -> Any:
    """The condition that the asker's project may see another's network: to plug into it, or to lead out by it."""
    return access.seen(ctx, Network, access.SHARED, access.EXTERNAL)


def show(tx: db.Tx, ctx: Context, network_id: str) -> Any:
    """The network: the asker's own, a shared or an external one.  Raises NotFound."""
    row = standard_attributes.find(tx, ctx, Network, network_id, seen=lambda: visible(ctx))
    if row is None:
        raise standard_attributes.missing('Network', network_id)
    return row


def find(tx: db.Tx, ctx: Context, page: listing.Page) -> list[Any]:
    """One page of the networks the asker may see."""
    scope = standard_attributes.scope(ctx, Network, visible(ctx))
    return standard_attributes.lists(tx, Network, scope, page, access.by_shared(ctx, Network))


def subnets_of(tx: db.Tx, network_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of each network's subnets."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(network_ids), 1000):
        part = list(network_ids[start : start + 1000])
        query = sa.select(Subnet.network_id, Subnet.id).where(Subnet.network_id.in_(part)).order_by(Subnet.seq)
        for network_id, subnet_id in tx.rows(query):
            found.setdefault(network_id, []).append(subnet_id)
    return found


def owner(tx: db.Tx, network_id: str) -> str:
    """The project the network belongs to."""
    return tx.scalar(sa.select(Network.project_id).where(Network.id == network_id)) or ''


def create(
    tx: db.Tx,
    ctx: Context,
    *,
    settings: Settings | None = None,
    segment: segments.Segment | None = None,
    mtu: int | None = None,
    project_id: str | None = None,
    **values: Any,
) -> str:
    """A network stands on the segment, or on a free one; returns its id.

    Raises OverQuota, Invalid on an MTU that its type cannot carry, Conflict when the segment is another's, Unavailable
    when none is left.
    """
    settings = settings or Settings()

    def insert(place: dict[str, Any]) -> None:
        size = segments.mtu(settings, place['network_type'], mtu)
        tx.insert(Network, **given | values, **place, mtu=size, **stamp)

    stamp = standard_attributes.stamp(ctx, project_id)
    quotas.take(tx, stamp['project_id'], network=1)
    given = {
        'name': '',
        'description': '',
        'admin_state_up': True,
        'shared': False,
        'external': False,
        'is_default': False,
        'port_security_enabled': True,
    }
    if values.get('is_default'):
        _refuse_second_default(tx)
    policy_id = bindings.checked(tx, ctx, values.get('qos_policy_id'))
    given['qos_policy_id'] = policy_id or bindings.default(tx, stamp['project_id'])
    values.pop('qos_policy_id', None)
    segments.claim(tx, settings, segment, insert)
    _open(tx, stamp['id'], values)
    return stamp['id']


def _open(tx: db.Tx, network_id: str, values: dict[str, Any]) -> None:
    """Every project may use the network as the values say."""
    for name, action in (('shared', access.SHARED), ('external', access.EXTERNAL)):
        if values.get(name):
            access.give(tx, KIND, tx.row(sa.select(Network).where(Network.id == network_id)), action)


def _refuse_second_default(tx: db.Tx, but: str = '') -> None:
    there = tx.scalar(sa.select(Network.id).where(Network.is_default.is_(True), Network.id != but).limit(1))
    if there is not None:
        raise errors.Conflict(
            f'A default external network already exists: {there}.', type='DefaultExternalNetworkExists'
        )


def update(tx: db.Tx, ctx: Context, network_id: str, *, settings: Settings | None = None, **values: Any) -> None:
    """The network has the values, and the agents of its hosts are nudged.  Raises NotFound, Invalid, Conflict."""
    row = show(tx, ctx, network_id)
    if 'mtu' in values:
        segments.mtu(settings or Settings(), row.network_type, values['mtu'])
        versions = sa.select(Subnet.ip_version).where(Subnet.network_id == network_id).distinct()
        segments.check_mtu(network_id, values['mtu'], tx.column(versions))
    if row.shared and values.get('shared') is False:
        _refuse_unsharing(tx, row)
    if row.external and values.get('external') is False:
        _refuse_closing(tx, network_id)
    if values.get('is_default') and not row.is_default:
        _refuse_second_default(tx, network_id)
    moved = values.get('qos_policy_id', row.qos_policy_id) != row.qos_policy_id
    if moved:
        bindings.refuse_removal(tx, ctx, row.qos_policy_id)
        bindings.checked(tx, ctx, values['qos_policy_id'])
    standard_attributes.touch(tx, Network, network_id, **values)
    if moved:
        bindings.tell_network(tx, network_id)
    _open(tx, network_id, values)
    if values.get('shared') is False:
        access.take(tx, KIND, network_id, Sharing.action == access.SHARED, Sharing.target_project == access.EVERYONE)
    if values.get('external') is False:
        access.take(tx, KIND, network_id, Sharing.action == access.EXTERNAL)
    # Whether a network is up is part of each of its ports' values.
    only = () if 'admin_state_up' in values else ((generations.NETWORK, network_id),)
    generations.bump(tx, generations.of_networks(tx, [network_id]), *only)


def _refuse_unsharing(tx: db.Tx, row: Any) -> None:
    allowed = [row.project_id, *access.projects(tx, row.id, access.SHARED)]
    foreign = sa.select(Port.id).where(Port.network_id == row.id, Port.project_id.not_in(allowed), ~holders.IS_OWN)
    if tx.row(foreign.limit(1)) is not None:
        raise errors.Conflict(
            f'Unable to reconfigure sharing settings for network {row.id}. Multiple tenants are using it.',
            type='InvalidSharedSetting',
        )


def _refuse_closing(tx: db.Tx, network_id: str) -> None:
    used = sa.select(Port.id).where(Port.network_id == network_id, Port.holder.in_(holders.OUTSIDE))
    if tx.row(used.limit(1)) is not None:
        raise errors.Conflict(
            f'External network {network_id} cannot be updated to be made non-external, since it has existing gateway '
            'ports.',
            type='ExternalNetworkInUse',
        )


def delete(tx: db.Tx, ctx: Context, network_id: str) -> None:
    """The network, its subnets and its floating IPs that lead nowhere are gone.

    Raises NotFound, Conflict while a port is on it.
    """
    row = show(tx, ctx, network_id)
    floating_ports.give_up_idle(tx, ctx, network_id)
    busy = tx.column(sa.select(Port.id).where(Port.network_id == network_id, ~holders.GOES_ALONG).limit(10))
    if busy:
        raise _in_use(network_id)
    for port_id in tx.column(sa.select(Port.id).where(Port.network_id == network_id)):
        ports.drop(tx, ctx, port_id)
    scheduling.remove(tx, 'dhcp', network_id)
    try:
        with tx.connection.begin_nested():
            gone = tx.rows(sa.select(Subnet.id, Subnet.project_id).where(Subnet.network_id == network_id))
            tx.delete(Subnet, Subnet.network_id == network_id)
            deleted = tx.delete(Network, Network.id == network_id)
    except sa.exc.IntegrityError as why:
        raise _in_use(network_id) from why
    if not deleted:
        return
    for subnet in gone:
        standard_attributes.forget_tags(tx, subnet.id)
        quotas.give_back(tx, subnet.project_id, subnet=1)
    access.take(tx, KIND, network_id)
    standard_attributes.forget_tags(tx, network_id)
    quotas.give_back(tx, row.project_id, network=1)


def _in_use(network_id: str) -> errors.Conflict:
    return errors.Conflict(
        f'Unable to complete operation on network {network_id}. There are one or more ports still in use on the '
        'network.',
        type='NetworkInUse',
    )


# What compute asks


def for_boot(tx: db.Tx, ctx: Context, requested: Sequence[dict[str, Any]] | str | None) -> list[dict[str, Any]]:
    """What a new server is plugged into: its networks and given ports, checked as far as can be seen now.

    Raises Invalid for what is not there or cannot be used, Conflict for what is taken or not clear, Forbidden for
    an external network, or for an address chosen on another project's.
    """
    if requested == 'none':
        return []
    if requested is None or requested == 'auto' or not requested:
        return _single(tx, ctx, auto=requested == 'auto')
    found: list[dict[str, Any]] = []
    for item in requested:
        assert isinstance(item, dict)
        if item.get('port'):
            found.append(_given_port(tx, ctx, item, [f['port_id'] for f in found]))
        else:
            found.append(_given_network(tx, ctx, item))
    return found


def _single(tx: db.Tx, ctx: Context, auto: bool) -> list[dict[str, Any]]:
    own = Network.project_id == (ctx.project_id or '')
    mine = tx.rows(sa.select(Network).where(sa.or_(own, access.seen(ctx, Network))).order_by(Network.seq).limit(2))
    if len(mine) > 1:
        raise errors.Conflict('Multiple possible networks found, use a Network ID to be more specific.')
    if not mine and auto:
        raise errors.Invalid(f'Unable to automatically allocate a network for project {ctx.project_id}')
    return [_check_network(tx, ctx, network, None, None) for network in mine]


def _given_network(tx: db.Tx, ctx: Context, item: dict[str, Any]) -> dict[str, Any]:
    network = standard_attributes.find(tx, ctx, Network, item['uuid'], seen=lambda: visible(ctx))
    if network is None:
        raise errors.Invalid(f'Network {item["uuid"]} could not be found.')
    return _check_network(tx, ctx, network, item.get('fixed_ip'), item.get('tag'))


def _check_network(tx: db.Tx, ctx: Context, network: Any, fixed_ip: str | None, tag: str | None) -> dict[str, Any]:
    if network.external and not ctx.is_admin and not access.shared(tx, ctx, [network.id]):
        raise errors.Forbidden(f'It is not allowed to create an interface on external network {network.id}')
    if tx.row(sa.select(Subnet.id).where(Subnet.network_id == network.id).limit(1)) is None:
        raise errors.Invalid(f'Network {network.id} requires a subnet in order to boot instances on.')
    if fixed_ip and network.project_id != ctx.project_id and not ctx.is_admin:
        raise errors.Forbidden(f'It is not allowed to choose an address on network {network.id} of another project')
    if fixed_ip:
        taken = tx.row(
            sa.select(Port.project_id, Port.device_id)
            .join(Address, Address.port_id == Port.id)
            .where(Address.network_id == network.id, Address.ip_address == fixed_ip)
        )
        if taken is not None:
            of = f' on instance {taken.device_id}' if ctx.is_admin or taken.project_id == ctx.project_id else ''
            raise errors.Invalid(f'Fixed IP address {fixed_ip} is already in use{of}.')
    return {'network_id': network.id, 'port_id': None, 'fixed_ip': fixed_ip, 'tag': tag}


def _given_port(tx: db.Tx, ctx: Context, item: dict[str, Any], before: list[Any]) -> dict[str, Any]:
    port_id = item['port']
    row = standard_attributes.find(tx, ctx, Port, port_id)
    if row is None:
        raise errors.Invalid(f'Port id {port_id} could not be found.')
    if row.project_id != ctx.project_id:
        raise errors.Invalid(f'Port {port_id} not usable for the server: it belongs to another project.')
    if row.holder or row.device_id or port_id in before:
        raise errors.Conflict(f'Port {port_id} is still in use.')
    if tx.row(sa.select(Address.ip_address).where(Address.port_id == port_id).limit(1)) is None:
        raise errors.Invalid(f'Port {port_id} requires a FixedIP in order to be used.')
    return {'network_id': row.network_id, 'port_id': port_id, 'fixed_ip': None, 'tag': item.get('tag')}
