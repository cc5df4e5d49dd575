"""What a host measures of itself for the scheduler, by the field's names of monitors and metrics."""

from collections.abc import Callable, Sequence

import psutil

Metrics = dict[str, float]


class Cpu:
    """`cpu.virt_driver`: the processors' frequency in MHz, times in nanoseconds, and shares since the last reading."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def read(self) -> Metrics:
        """The metrics now; the shares of the first reading are those since the host was started."""
        times = psutil.cpu_times()
        now = {
            'user': times.user + getattr(times, 'nice', 0.0),
            'kernel': times.system,
            'idle': times.idle,
            'iowait': getattr(times, 'iowait', 0.0),
        }
        spent = {name: value - self._last.get(name, 0.0) for name, value in now.items()}
        self._last = now
        whole = sum(spent.values()) or 1.0
        shares = {f'cpu.{name}.percent': int(100 * part / whole) for name, part in spent.items()}
        found: Metrics = {f'cpu.{name}.time': int(value * 1e9) for name, value in now.items()}
        frequency = psutil.cpu_freq()
        found |= {'cpu.frequency': int(frequency.current)} if frequency else {}
        return {**found, **shares, 'cpu.percent': int(100 * (whole - spent['idle']) / whole)}


MONITORS: dict[str, Callable[[], Cpu]] = {'cpu.virt_driver': Cpu, 'virt_driver': Cpu}


def named(names: Sequence[str]) -> list[Cpu]:
    """One of each named monitor.  Raises LookupError, naming one that there is not."""
    for name in names:
        if name not in MONITORS:
            raise LookupError(f'[compute] compute_monitors names {name}; there is {", ".join(MONITORS)}.')
    return [MONITORS[name]() for name in names]
