"""Keep the iptables or ip6tables chains whose names have one prefix as wanted, by one iptables-restore per change."""

from nimbus.network.agent.firewall.chains import Chains
from nimbus.network.agent.host.command import run

SHORT = 8  # rules of a chain that is always written as a whole


class Tables:
    """The chains of one address family whose names begin with one prefix."""

    def __init__(self, command: str, prefix: str) -> None:
        self.command = command  # 'iptables' or 'ip6tables'
        self.prefix = prefix + '-'
        self._applied: Chains | None = None
        self._seen: Chains | None = None  # how the host prints what was written

    def ensure(self, wanted: Chains, audit: bool) -> None:
        """The host has exactly the wanted chains, each replaced as a whole.

        A built-in chain jumps first to the wanted chain `prefix-BUILTIN`.
        """
        before, self._applied = self._applied, None
        if audit or before is None:
            there = self._read()
            if before != wanted or there != self._seen:
                self._restore(self._whole(there, wanted))
                self._seen = self._read()
                self._prove(wanted)
        elif before != wanted:
            self._restore(self._delta(before, wanted))
            self._seen = None  # the next audit writes all and reads it back
        self._applied = {table: dict(chains) for table, chains in wanted.items()}

    def dispatched(self, chain: str) -> tuple[str, ...]:
        """The rules of one of the filter table's chains, asked of the host."""
        return self._read().get('filter', {}).get(chain, ())

    def clear(self) -> None:
        """No chain of the prefix and no jump to one is left."""
        there = self._read()
        self._applied = None
        payload: list[str] = []
        for table, chains in there.items():
            jumps = [f'-D {chain} {rule}' for chain, body in chains.items()
                     if not chain.startswith(self.prefix) for rule in body]  # fmt: skip
            own = [chain for chain in chains if chain.startswith(self.prefix)]
            payload += [f'*{table}', *(f':{chain} - [0:0]' for chain in own), *jumps]
            payload += [*(f'-X {chain}' for chain in own), 'COMMIT']
        self._restore('\n'.join([*payload, '']))

    def _restore(self, payload: str) -> None:
        if payload.strip():
            run(f'{self.command}-restore', '-n', '-w', '10', stdin=payload)

    def _delta(self, before: Chains, wanted: Chains) -> str:
        payload: list[str] = []
        for table, chains in wanted.items():
            old = before.get(table, {})
            changed = {chain: body for chain, body in chains.items() if old.get(chain) != body}
            edits: list[str] = []
            for chain in list(changed):
                lines = _edits(chain, old.get(chain, ()), changed[chain])
                if lines is not None:
                    edits += lines
                    del changed[chain]
            gone = [chain for chain in old if chain not in chains]
            payload += _section(table, changed, gone, edits)
        return '\n'.join(payload) + '\n' if payload else ''

    def _whole(self, there: Chains, wanted: Chains) -> str:
        payload: list[str] = []
        for table, chains in wanted.items():
            old = there.get(table, {})
            gone = [chain for chain in old if chain.startswith(self.prefix) and chain not in chains]
            jumps = []
            for chain in chains:
                built_in = chain.removeprefix(self.prefix)
                if not built_in.isupper():
                    continue
                own = [rule for rule in old.get(built_in, ()) if rule == f'-j {chain}']
                # Ours goes first, and stands once however often somebody else added it.
                jumps += [f'-D {built_in} {rule}' for rule in own] + [f'-I {built_in} 1 -j {chain}']
            payload += _section(table, chains, gone, jumps)
        return '\n'.join(payload) + '\n'

    def _prove(self, wanted: Chains) -> None:
        seen = self._seen or {}
        for table, chains in wanted.items():
            for chain, body in chains.items():
                if len(seen.get(table, {}).get(chain, ())) != len(body):
                    raise OSError(f'{self.command} did not keep every rule of the chain {chain}.')

    def _read(self) -> Chains:
        """Our chains, and of the built-in chains the jumps to ours."""
        found: dict[str, dict[str, list[str]]] = {}
        table = ''
        for line in run(f'{self.command}-save').splitlines():
            if line.startswith('*'):
                table = line[1:]
            elif line.startswith(':' + self.prefix):
                found.setdefault(table, {}).setdefault(line[1:].split()[0], [])
            elif line.startswith('-A ') and self.prefix in line:
                chain, rule = line[3:].split(' ', 1)
                if chain.startswith(self.prefix) or rule.startswith(f'-j {self.prefix}'):
                    found.setdefault(table, {}).setdefault(chain, []).append(rule)
        return {table: {chain: tuple(body) for chain, body in chains.items()} for table, chains in found.items()}


def _edits(chain: str, old: tuple[str, ...], new: tuple[str, ...]) -> list[str] | None:
    """The commands that turn one chain into the other, where both are long and few rules differ; else None.

    The chain that leads to every port's own is as long as the host has ports, and a port changes two of its rules.
    """
    stay, want = set(new), set(old)
    kept = [rule for rule in old if rule in stay]
    fresh = [(place, rule) for place, rule in enumerate(new, 1) if rule not in want]
    gone = [rule for rule in old if rule not in stay]
    if len(kept) < SHORT or len(fresh) + len(gone) > len(kept) // 2 or kept != [rule for rule in new if rule in want]:
        return None
    return [f'-D {chain} {rule}' for rule in gone] + [f'-I {chain} {place} {rule}' for place, rule in fresh]


def _section(table: str, chains: dict[str, tuple[str, ...]], gone: list[str], jumps: list[str]) -> list[str]:
    """One table's part of a restore: chains are declared (emptied) first, then filled, led to, then removed."""
    if not (chains or gone or jumps):
        return []
    lines = [f'*{table}'] + [f':{chain} - [0:0]' for chain in (*chains, *gone)]
    lines += [f'-A {chain} {rule}' for chain, body in chains.items() for rule in body] + jumps
    return lines + [f'-X {chain}' for chain in gone] + ['COMMIT']
