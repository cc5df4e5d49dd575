"""Which fixed address each floating IP of a router led to last; connections end when it leads elsewhere."""

import os

from nimbus.network.agent.host import files
from nimbus.network.agent.host.command import run

NONE_FOUND = (0, 1)  # conntrack ends with 1 where it had nothing to delete


class Leads:
    """The note of what a router's addresses led to, in the router's folder."""

    def __init__(self, namespace: str, folder: str) -> None:
        self.namespace, self._path = namespace, os.path.join(folder, 'leads')

    def settle(self, wanted: dict[str, str]) -> None:
        """Every connection is gone that an address had while it led elsewhere than it does now.

        Connections outlive the rules that made them, so they are cut by what the one side saw: the address asked
        for from outside, and the one that answers to a guest's own requests came back to.
        """
        before = dict(line.split(' ', 1) for line in (files.read(self._path) or '').splitlines())
        for address, inside in before.items():
            if wanted.get(address) != inside:
                for side in ('--orig-dst', '--reply-dst'):
                    run('ip', 'netns', 'exec', self.namespace, 'conntrack', '-D', side, address, fine=NONE_FOUND)
        # Only now: who is killed before finds the old note and cuts again.
        files.write(self._path, _text(wanted))


def _text(leads: dict[str, str]) -> str:
    return ''.join(f'{address} {inside}\n' for address, inside in sorted(leads.items()))
