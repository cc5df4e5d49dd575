"""Settings of the HTTP server, from the options of [api]."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Settings:
    """Timeouts and limits of connections and threads."""

    threads: int = 32
    request_timeout: float = 30.0  # seconds for the head and the body of a request
    keep_alive: float = 60.0  # seconds that a connection without a request is kept
    slowest: int = 1024  # bytes a second that a stream must move
    access_log: bool = True

    @classmethod
    def of(cls, conf: Any) -> 'Settings':
        """As the options of [api] say."""
        api = conf.api
        return cls(api.threads, api.request_timeout, api.keep_alive, api.slowest_stream, api.access_log)
