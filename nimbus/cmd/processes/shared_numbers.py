"""Numbers that the processes of a daemon share, in memory that all of them see.

Each process writes only its own, so none needs a lock.
"""

import mmap
import time

CONNECTIONS, BEAT, REVOCATION, READ_AT = range(4)  # of one process; times are nanoseconds of time.monotonic
FIELDS = 4
GONE = -1  # connections of a process that does not serve
SLACK = 2  # connections by which a process may be ahead of another and still accept more at once


class SharedNumbers:
    """The numbers of every process; made before the processes are."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._numbers = memoryview(mmap.mmap(-1, processes * FIELDS * 8)).cast('q')
        for number in range(processes):
            self.clear(number)

    def clear(self, process: int) -> None:
        """The process does not serve."""
        self.put(process, CONNECTIONS, GONE)
        self.put(process, BEAT, 0)

    def put(self, process: int, field: int, value: int) -> None:
        """The process's number has that value."""
        self._numbers[process * FIELDS + field] = value

    def get(self, process: int, field: int) -> int:
        """The process's number."""
        return self._numbers[process * FIELDS + field]

    def all(self, field: int) -> list[int]:
        """That number of every process."""
        return self._numbers[field::FIELDS].tolist()

    def silence(self, process: int) -> float:
        """Seconds since the process last showed that it works; 0 before it has."""
        beat = self.get(process, BEAT)
        return (time.monotonic_ns() - beat) / 1e9 if beat else 0.0


class Peers:
    """The shared numbers as one process uses them; process 0 is the daemon itself."""

    def __init__(self, shared: SharedNumbers, process: int) -> None:
        self._shared, self.process = shared, process

    def beat(self) -> None:
        """The process works."""
        self._shared.put(self.process, BEAT, time.monotonic_ns())

    def is_ahead(self, connections: int) -> bool:
        """Whether another process has fewer connections, so that it should accept the next; this one has so many."""
        self._shared.put(self.process, CONNECTIONS, connections)
        others = [n for n in self._shared.all(CONNECTIONS) if n != GONE]
        return connections >= min(others) + SLACK

    def applied(self, number: int, read_at: float) -> None:
        """Every revocation up to this number has been applied by the process, read at that moment."""
        self._shared.put(self.process, REVOCATION, number)
        self._shared.put(self.process, READ_AT, int(read_at * 1e9))

    def newest(self) -> int:
        """The newest revocation that any of the processes has applied."""
        return max(self._shared.all(REVOCATION))

    def read_at(self) -> float | None:
        """When the daemon itself last read the revocations; None in the daemon, which reads them by itself."""
        return self._shared.get(0, READ_AT) / 1e9 if self.process else None
