"""What each floating IP of a router, or ports of it, led to last; connections end when they lead elsewhere."""

import os
import re

from nimbus.network.agent.driver import Forward
from nimbus.network.agent.host import files
from nimbus.network.agent.host.command import run

NONE_FOUND = (0, 1)  # conntrack ends with 1 where it had nothing to delete
FIRST_WAY = re.compile(r' src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+) ')


def lead_of(address: str, forward: Forward) -> tuple[str, str]:
    """What is noted of ports of an address: which they are, and where they lead."""
    outer, inner = ('-'.join(map(str, ports)) for ports in (forward.outer, forward.inner))
    return f'{address},{forward.protocol},{outer}', f'{forward.ip}:{inner}'


class Leads:
    """The note of what a router's addresses led to, in the router's folder."""

    def __init__(self, namespace: str, folder: str) -> None:
        self.namespace, self._path = namespace, os.path.join(folder, 'leads')

    def settle(self, wanted: dict[str, str]) -> None:
        """Every connection is gone that an address, or ports of it, had while it led elsewhere than it does now.

        Connections outlive the rules that made them, so they are cut by what the one side saw: the address asked
        for from outside, and the one that answers to a guest's own requests came back to.
        """
        before = dict(line.split(' ', 1) for line in (files.read(self._path) or '').splitlines())
        for outside, inside in before.items():
            if wanted.get(outside) != inside:
                address, *ports = outside.split(',')
                if ports:
                    self._cut_ports(address, *ports)
                else:
                    for side in ('--orig-dst', '--reply-dst'):
                        self._conntrack('-D', side, address)
        # Only now: who is killed before finds the old note and cuts again.
        files.write(self._path, _text(wanted))

    def _cut_ports(self, address: str, protocol: str, span: str) -> None:
        """No connection is left that asked for one of the ports; those of other ports go on."""
        first, last = map(int, span.split('-'))
        asked = ('-p', protocol, '--orig-dst', address)
        for line in self._conntrack('-L', *asked).splitlines():
            found = FIRST_WAY.search(line)
            if found and first <= int(found[4]) <= last:
                source = ('--orig-src', found[1], '--sport', found[3], '--dport', found[4])
                self._conntrack('-D', *asked, *source)

    def _conntrack(self, *words: str) -> str:
        return run('ip', 'netns', 'exec', self.namespace, 'conntrack', *words, fine=NONE_FOUND)


def _text(leads: dict[str, str]) -> str:
    return ''.join(f'{address} {inside}\n' for address, inside in sorted(leads.items()))
