"""What an operator may choose about serving."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Settings:
    """Bounds of what a client may take."""

    threads: int = 32
    request_timeout: float = 30.0  # seconds for the head and the body of a request
    keep_alive: float = 60.0  # seconds that a connection without a request is kept
    slowest: int = 1024  # bytes a second that a stream must move
    access_log: bool = True

    @classmethod
    def of(cls, conf: Any) -> 'Settings':
        """As the options of [api] say."""
        told = conf.api
        return cls(told.threads, told.request_timeout, told.keep_alive, told.slowest_stream, told.access_log)
