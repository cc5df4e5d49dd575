"""Limit how many bits a second leave a link, by a token bucket of the kernel's (tc tbf)."""

import json

from nimbus.network.agent.driver import Cap
from nimbus.network.agent.host.command import run

LATENCY = '50ms'  # how long a packet may wait in the queue
LEAST_BURST = 10_000  # bytes: a bucket that no full-size frame fits into lets none pass
USUAL_BURST = 0.8  # of what passes in a second, where a rule names no burst
MOST_RATE = 100_000_000  # kbit: more than any link here carries, so that it limits nothing
MOST_SECONDS = 60  # of what passes, that the kernel can count in a bucket
ROUNDING = 0.02  # by how much of it the kernel's numbers differ from what was asked
Shape = tuple[int, int]  # bytes a second, and bytes of the bucket


def shape_of(cap: Cap) -> Shape | None:
    """The bucket for a limit; None for one that limits nothing."""
    if cap.rate > MOST_RATE:
        return None
    rate, burst = cap.rate * 125, int((cap.burst or cap.rate * USUAL_BURST) * 125)
    return rate, max(min(burst, rate * MOST_SECONDS, 2**31 - 1), LEAST_BURST)


def read_all() -> dict[str, Shape]:
    """The bucket of every link of the host that has one."""
    rows = json.loads(run('tc', '-json', 'qdisc', 'show') or '[]')
    return {
        row['dev']: (row['options']['rate'], row['options']['burst'])
        for row in rows
        if row['kind'] == 'tbf' and row.get('root')
    }


def ensure(link: str, cap: Cap | None, there: Shape | None) -> None:
    """What leaves the link passes the limit's bucket; without one it passes freely."""
    wanted = shape_of(cap) if cap else None
    if wanted and not (there and _alike(there, wanted)):
        rate, burst = wanted
        words = ('root', 'tbf', 'rate', f'{rate * 8}bit', 'burst', f'{burst}b', 'latency', LATENCY)
        run('tc', 'qdisc', 'replace', 'dev', link, *words)
    elif there and not wanted:
        run('tc', 'qdisc', 'del', 'dev', link, 'root')


def _alike(one: Shape, other: Shape) -> bool:
    return all(abs(have - want) <= want * ROUNDING for have, want in zip(one, other, strict=True))
