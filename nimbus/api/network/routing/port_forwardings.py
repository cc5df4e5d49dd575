"""Port forwarding of floating IPs over HTTP."""

from typing import Any

from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, Given, NeutronNoun, attribute, bad
from nimbus.api.network.nested import Nested
from nimbus.network.routers import floating_ips, port_forwardings

PROTOCOLS = ('tcp', 'udp', 'sctp', 'dccp', 'udplite')  # those that have ports
FIRST, LAST = 1, 65535
PORT = values.whole(FIRST, LAST)
SIDES = ('external', 'internal')


def protocol(value: Any) -> str:
    """The name of a protocol that has ports, in lower case.  Raises ValueError."""
    return str(values.one_of(*PROTOCOLS, also=str.lower)(value))


def ports(value: Any) -> tuple[int, int]:
    """The first and the last port of `FIRST:LAST`, or of a single one.  Raises ValueError."""
    first, colon, last = str(value).partition(':')
    found = PORT(first), PORT(last if colon else first)
    if found[0] > found[1]:
        raise ValueError(f"'{value}' ends before it begins")
    return found


def single(side: str) -> Any:
    """A source: the one port of that side; None where it is a range."""

    def source(row: Any, call: Any) -> int | None:
        first, last = (getattr(row, f'{side}_{end}') for end in ('first', 'last'))
        return first if first == last else None

    return source


def span(side: str) -> Any:
    """A source: the ports of that side, as `FIRST:LAST`."""
    return lambda row, call: ':'.join(str(getattr(row, f'{side}_{end}')) for end in ('first', 'last'))


class PortForwarding(NeutronNoun):
    """Ports of a floating IP that lead to ports of a fixed address."""

    one, many, tagged = 'port_forwarding', 'port_forwardings', False

    id = attribute()
    protocol = attribute(*BOTH, take=protocol, required=True, sift=str.lower)
    external_port = attribute(*BOTH, take=values.maybe(PORT), source=single('external'), filter=False)
    internal_port = attribute(*BOTH, take=values.maybe(PORT), source=single('internal'), filter=False)
    external_port_range = attribute(*BOTH, take=values.maybe(ports), source=span('external'), filter=False)
    internal_port_range = attribute(*BOTH, take=values.maybe(ports), source=span('internal'), filter=False)
    internal_ip_address = attribute(*BOTH, take=values.maybe(values.ip))
    internal_port_id = attribute(*BOTH, take=values.uuid, required=True)
    description = attribute(*BOTH, take=values.text(), default='')


def shown_in_floating_ip(row: Any) -> dict[str, Any]:
    """What a floating IP shows of one of its forwardings."""
    found: dict[str, Any] = {
        name: getattr(row, name) for name in ('id', 'protocol', 'internal_ip_address', 'internal_port_id')
    }
    for side in SIDES:
        found |= {f'{side}_port': single(side)(row, None), f'{side}_port_range': span(side)(row, None)}
    return found


def _ports(given: Given, side: str, row: Any = None) -> tuple[int, int]:
    """The ports of that side as the request has them, or as they were.  Raises Invalid."""
    one, several = given.get(f'{side}_port'), given.get(f'{side}_port_range')
    if one is not None and several is not None:
        raise bad(f'{side}_port and {side}_port_range were both given, and one of them says which ports are meant.')
    if several is not None:
        return several
    if one is not None:
        return one, one
    if row is None:
        raise bad(f'Either {side}_port or {side}_port_range must be given.')
    return getattr(row, f'{side}_first'), getattr(row, f'{side}_last')


def wish(given: Given, row: Any = None) -> port_forwardings.Wish:
    """What the request asks for; what it does not name is as it was.  Raises Invalid."""

    def value(name: str) -> Any:
        return given[name] if name in given else getattr(row, name)

    external, internal = (_ports(given, side, row) for side in SIDES)
    if internal[1] - internal[0] not in (0, external[1] - external[0]):
        raise port_forwardings.bad(
            f'{external[0]}:{external[1]} cannot lead to {internal[0]}:{internal[1]}: a range of external ports '
            'leads to one internal port, or to as many'
        )
    moved = row is not None and given.get('internal_port_id', row.internal_port_id) != row.internal_port_id
    return port_forwardings.Wish(
        protocol=value('protocol'),
        external=external,
        internal=internal,
        port_id=value('internal_port_id'),
        ip=given.get('internal_ip_address') if row is None or moved else value('internal_ip_address'),
        description=value('description'),
    )


FORWARDINGS = Nested(
    noun=PortForwarding,
    rule='floatingip_port_forwarding',
    parent=floating_ips.show,
    find=port_forwardings.find,
    show_row=port_forwardings.show,
    add=lambda call, tx, floating, given: port_forwardings.create(tx, call.context, floating, wish(given)),
    change=lambda call, tx, floating, row, given: port_forwardings.update(
        tx, call.context, floating, row, wish(given, row)
    ),
    remove=lambda call, tx, floating, row: port_forwardings.delete(tx, floating, row),
)
ROUTES = FORWARDINGS.routes('/floatingips/{id}/port_forwardings', 'port_forwarding_id')
