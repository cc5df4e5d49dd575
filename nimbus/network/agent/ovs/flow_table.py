"""The OpenFlow rules of one bridge, written as differences and read back now and then."""

import os

from nimbus.network.agent.host.command import run


class FlowTable:
    """The flows of one bridge, which are exactly those written here, but what the bridge itself learns from them."""

    def __init__(self, database: str, bridge: str, but: int | None = None) -> None:
        """`database` is where the switch's database listens, 'unix:/path/db.sock': its folder has the bridge's door.

        `but` is the cookie of learned flows.
        """
        self._but = f'cookie={but:#x},' if but is not None else None
        self.management = f'unix:{os.path.dirname(database.removeprefix("unix:"))}/{bridge}.mgmt'
        self._flows: list[str] | None = None
        self._dump = ''

    def forget(self) -> None:
        """What was written is not relied on any more."""
        self._flows = None

    def write(self, flows: list[str], audit: bool) -> None:
        """The bridge holds exactly the flows; nothing happens while it does."""
        if audit and self._flows == flows and self._dump and self._read() == self._dump:
            return
        before, self._flows = self._flows, None
        if audit or before is None:
            run('ovs-ofctl', '--bundle', 'replace-flows', self.management, '-', stdin='\n'.join(flows) + '\n')
            self._dump = self._read()
        elif before != flows:
            old, new = set(before), set(flows)
            lines = ['delete_strict ' + flow.split(',actions=')[0] for flow in before if flow not in new]
            lines += ['add ' + flow for flow in flows if flow not in old]
            run('ovs-ofctl', '--bundle', 'add-flows', self.management, '-', stdin='\n'.join(lines) + '\n')
            self._dump = ''  # the next audit writes all and reads it back
        self._flows = flows

    def life(self) -> object:
        """Which start of the switch this is: each one makes the bridge's management socket anew."""
        try:
            found = os.stat(self.management.removeprefix('unix:'))
        except OSError:
            return None
        return found.st_ino, found.st_ctime_ns

    def _read(self) -> str:
        dump = run('ovs-ofctl', '--no-stats', 'dump-flows', self.management)
        return '\n'.join(
            sorted(line for line in dump.splitlines() if not (self._but and line.lstrip().startswith(self._but)))
        )
