"""Limit the bandwidth of a router's floating addresses and of what leaves with its gateway's own.

Each has a class of the kernel's token buckets (tc htb) on the links where its packets leave: the one outside for what
guests send, those inside for what they get.  Rules of the packet filter say which packet is of which class.
"""

import dataclasses
import json
import os
from collections.abc import Sequence

from nimbus.network.agent.driver import Cap, Router
from nimbus.network.agent.host import files, shaping
from nimbus.network.agent.host.command import run

GATEWAY, FIRST = 0x2, 0x10  # classes: of the gateway's own address, and of the first floating one
FROM_OUTSIDE = '-m mark --mark 0x2/0xffff'


@dataclasses.dataclass(frozen=True)
class Lane:
    """One address's class, the packets that are of it, and its limits."""

    number: int
    sent: tuple[str, ...]  # what matches packets that leave the link outside
    got: tuple[str, ...]  # what matches packets that come from there and leave a link inside
    caps: tuple[Cap, ...]

    def cap(self, direction: str) -> Cap | None:
        """The limit that way, where it limits anything."""
        found = next((one for one in self.caps if one.direction == direction), None)
        return found if found and shaping.shape_of(found) else None


def of(router: Router) -> list[Lane]:
    """The classes of a router: the gateway's own first, so that those of floating addresses are said after it."""
    found = [Lane(GATEWAY, ('',), ('',), router.bandwidth)] if router.bandwidth else []
    for number, one in enumerate(sorted(router.floating, key=lambda one: one.ip), FIRST):
        if one.bandwidth:
            both = tuple(f'-m conntrack {way} {one.ip}/32' for way in ('--ctorigdst', '--ctrepldst'))
            # A connection that a guest begins is not translated yet when its first packet is looked at.
            own = (f'-s {one.fixed_ip}/32',) if one.fixed_ip else ()
            found.append(Lane(number, (*own, *both), both, one.bandwidth))
    return found


def rules(router: Router, gateway: str | None) -> list[str]:
    """What the table mangle says of which packet is of which class."""
    found = []
    for lane in of(router) if gateway else ():
        ways = [('egress', f'-o {gateway}', lane.sent), ('ingress', f'-o qr-+ {FROM_OUTSIDE}', lane.got)]
        for direction, there, matches in ways:
            if lane.cap(direction):
                to = f'-j CLASSIFY --set-class 1:{lane.number:x}'
                found += [' '.join(filter(None, ('-A POSTROUTING', there, match, to))) for match in matches]
    return found


class Lanes:
    """The classes on the links of one router's namespace, and the note of them in its folder."""

    def __init__(self, namespace: str, folder: str) -> None:
        self.namespace, self._path = namespace, os.path.join(folder, 'lanes')

    def ensure(self, router: Router, outside: str | None, inside: Sequence[str]) -> None:
        """Each link has the classes that the router's limits make, and no others."""
        lanes = of(router)
        wanted = {link: self._classes(lanes, 'ingress') for link in inside}
        wanted |= {outside: self._classes(lanes, 'egress')} if outside else {}
        if not any(wanted.values()) and files.read(self._path) is None:
            return
        same = not files.write(self._path, json.dumps(wanted, indent=1, sort_keys=True))
        there = self._standing()
        for link, classes in wanted.items():
            numbers = {number for number, _, _ in classes}
            if not (same and there.get(link, set()) == numbers):
                self._make(link, classes, link in there)

    def _classes(self, lanes: Sequence[Lane], direction: str) -> list[tuple[int, int, int]]:
        """The number of each class, its bytes a second and at once."""
        found = []
        for lane in lanes:
            cap = lane.cap(direction)
            shape = shaping.shape_of(cap) if cap else None
            if shape:
                found.append((lane.number, *shape))
        return found

    def _standing(self) -> dict[str, set[int]]:
        """The classes of each link that has a qdisc of ours."""
        rows = json.loads(self._tc('-json', 'qdisc', 'show') or '[]')
        links = [row['dev'] for row in rows if row['kind'] == 'htb' and row.get('root')]
        return {link: self._numbers(link) for link in links}

    def _numbers(self, link: str) -> set[int]:
        words = [line.split() for line in self._tc('class', 'show', 'dev', link).splitlines()]
        return {int(one[2].partition(':')[2], 16) for one in words if one[:2] == ['class', 'htb']}

    def _make(self, link: str, classes: Sequence[tuple[int, int, int]], there: bool) -> None:
        if there:
            self._tc('qdisc', 'del', 'dev', link, 'root')
        if not classes:
            return
        self._tc('qdisc', 'add', 'dev', link, 'root', 'handle', '1:', 'htb', 'default', '0')
        for number, rate, burst in classes:
            pace = ('rate', f'{rate * 8}bit', 'burst', f'{burst}b', 'cburst', f'{burst}b')
            self._tc('class', 'add', 'dev', link, 'parent', '1:', 'classid', f'1:{number:x}', 'htb', *pace)

    def _tc(self, *words: str) -> str:
        return run('ip', 'netns', 'exec', self.namespace, 'tc', *words)
