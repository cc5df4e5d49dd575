"""Cut the tracked flows that a host's rules admit no more."""

from collections.abc import Callable

from nimbus.network.agent.drivers.admission import IPV4, IPV6, NUMBERS, Flow
from nimbus.network.agent.drivers.command import run

# A zone is 16 bits; the low ones are left to whoever else numbers zones by VLAN.
FIRST_ZONE, LAST_ZONE = 4097, 65000
FAMILIES = {IPV4: 'ipv4', IPV6: 'ipv6'}


class Tracked:
    """One line of `conntrack -L`: its zone and the packet it began with."""

    def __init__(self, line: str, ethertype: str) -> None:
        words = line.split()
        self.ethertype = ethertype
        self.protocol = int(words[1])
        self.facts: dict[str, str] = {}
        for word in words:
            name, equals, value = word.partition('=')
            if equals:
                # The original direction stands first; the reply's fields come after it.
                self.facts.setdefault(name, value)
        self.zone = int(self.facts.get('zone', 0))

    def flow(self, own: frozenset[str]) -> Flow:
        """The flow as the guest sees it that owns the addresses."""
        out = self.facts['src'] in own
        return Flow(
            'egress' if out else 'ingress', self.ethertype, self.facts['dst' if out else 'src'], self.protocol,
            _number(self.facts.get('dport', self.facts.get('type'))), _number(self.facts.get('code')),
        )  # fmt: skip

    def deletion(self) -> str:
        """The arguments that delete exactly this entry."""
        parts = ['-D', '-w', str(self.zone), '-f', FAMILIES[self.ethertype], '-s', self.facts['src']]
        parts += ['-d', self.facts['dst'], '-p', str(self.protocol)]
        if 'dport' in self.facts and self.protocol in (NUMBERS['tcp'], NUMBERS['udp'], NUMBERS['sctp']):
            parts += ['--sport', self.facts['sport'], '--dport', self.facts['dport']]
        return ' '.join(parts)


def prune(keep: Callable[[Tracked], bool]) -> int:
    """Every entry of our zones that `keep` refuses is gone; returns how many there were."""
    lines: list[str] = []
    for ethertype, name in FAMILIES.items():
        for line in run('conntrack', '-L', '-f', name).splitlines():
            entry = Tracked(line, ethertype)
            if FIRST_ZONE <= entry.zone <= LAST_ZONE and not keep(entry):
                lines.append(entry.deletion())
    if lines:
        run('conntrack', '-R', '-', stdin='\n'.join(lines) + '\n')
    return len(lines)


def _number(value: str | None) -> int | None:
    return None if value is None else int(value)
