"""Keep one ipset per remote security group and address family."""

from collections.abc import Iterable

from nimbus.network.agent.driver import Group
from nimbus.network.agent.host.command import run

IPV4, IPV6 = 'IPv4', 'IPv6'
KINDS = {IPV4: 'inet', IPV6: 'inet6'}


def set_name(prefix: str, group_id: str, ethertype: str) -> str:
    """The set's name; ipset allows 31 characters."""
    return f'{prefix}{ethertype[-1]}-{group_id[:24]}'[:31]


def members(group: Group | None, ethertype: str) -> frozenset[str]:
    """The group's addresses of one family, as ipset prints them."""
    found: set[str] = set()
    for member in group.members if group else ():
        if (':' in member) != (ethertype == IPV6):
            continue
        address, _, length = member.partition('/')
        if length == '0':
            # hash:net has no room for a prefix of length 0: its two halves say the same.
            found |= {'0.0.0.0/1', '128.0.0.0/1'} if ethertype == IPV4 else {'::/1', '8000::/1'}
        else:
            found.add(address if length in ('', '32' if ethertype == IPV4 else '128') else member)
    return frozenset(found)


class Sets:
    """The sets whose names begin with one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._known: dict[str, frozenset[str]] | None = None

    def ensure(self, wanted: dict[str, tuple[str, frozenset[str]]], audit: bool) -> None:
        """Every wanted set (name -> ethertype, members) exists with exactly those members."""
        if audit or self._known is None:
            self._known = self._read()
        lines: list[str] = []
        for name, (ethertype, addresses) in wanted.items():
            there = self._known.get(name)
            if there is None:
                lines.append(f'create {name} hash:net family {KINDS[ethertype]} maxelem 131072')
            lines += [f'add {name} {one}' for one in sorted(addresses - (there or frozenset()))]
            lines += [f'del {name} {one}' for one in sorted((there or frozenset()) - addresses)]
        self._restore(lines)
        self._known.update({name: addresses for name, (_, addresses) in wanted.items()})

    def forget(self, keep: Iterable[str]) -> None:
        """No set but the kept ones is left; call it once no rule names the others any more."""
        if self._known is None:
            self._known = self._read()
        kept = set(keep)
        gone = [name for name in self._known if name not in kept]
        self._restore([f'destroy {name}' for name in gone])
        for name in gone:
            del self._known[name]

    def distrust(self) -> None:
        """The next `ensure` reads the host first."""
        self._known = None

    def _restore(self, lines: list[str]) -> None:
        if not lines:
            return
        try:
            run('ipset', 'restore', '-exist', stdin='\n'.join(lines) + '\n')
        except OSError:
            self._known = None
            raise

    def _read(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for line in run('ipset', 'save').splitlines():
            verb, name, *rest = line.split()
            if not name.startswith((f'{self.prefix}4-', f'{self.prefix}6-')):
                continue
            if verb == 'create':
                found[name] = set()
            elif verb == 'add':
                found[name].add(rest[0])
        return {name: frozenset(values) for name, values in found.items()}
