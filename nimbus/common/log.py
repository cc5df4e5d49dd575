"""Logging in the field's format: time, pid, level, module, request id, instance, message."""

import contextlib
import contextvars
import logging
import logging.handlers
import re
import sys
from collections.abc import Iterator
from typing import Any

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar('request', default='-')
INSTANCE: contextvars.ContextVar[str] = contextvars.ContextVar('instance', default='')
FORMAT = '%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [%(request_id)s] %(instance)s%(message)s'
DEBUG_FORMAT = FORMAT.replace('%(name)s', '%(name)s:%(lineno)d')
DATES = '%Y-%m-%d %H:%M:%S'
SECRET = re.compile(
    r"""((?:password|adminPass|admin_pass|secret|token|user_data|auth_key)["']?\s*[:=]\s*["']?)[^"',\s&}]+""",
    re.IGNORECASE,
)
MASK = r'\1***'


@contextlib.contextmanager
def about(request_id: str, subject: str = '') -> Iterator[None]:
    """Lines logged within are of this request, and of this server or volume."""
    request, instance = REQUEST.set(request_id or '-'), INSTANCE.set(subject)
    try:
        yield
    finally:
        REQUEST.reset(request)
        INSTANCE.reset(instance)


class Facts(logging.Filter):
    """Every record knows its request and its server, and tells no secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(record, 'request_id', None) or REQUEST.get()
        instance = getattr(record, 'instance', None) or INSTANCE.get()
        record.instance = f'[instance: {instance}] ' if instance else ''
        return True


class Formatter(logging.Formatter):
    """The field's line, with secrets masked; outside of any request a second format may take its place.

    A record that is `masked` has been freed of secrets by who made it, who knew where to look.
    """

    def __init__(self, within: str = FORMAT, outside: str = '') -> None:
        """Raises ValueError for a format that no record can fill."""
        super().__init__(within, DATES)
        self._outside = logging.Formatter(outside, DATES) if outside else None

    def format(self, record: logging.LogRecord) -> str:
        outside = self._outside if getattr(record, 'request_id', '-') == '-' else None
        text = outside.format(record) if outside else super().format(record)
        return text if getattr(record, 'masked', False) else SECRET.sub(MASK, text)


def setup(
    destination: str = '-',
    level: str = 'INFO',
    rotate_mb: int = 10,
    keep: int = 10,
    facility: str = 'local0',
    formatter: Formatter | None = None,
) -> None:
    """The process logs to a file, to `-` (standard error) or to `syslog`, from now on.  Raises OSError."""
    handler: Any
    if destination == '-':
        handler = logging.StreamHandler(sys.stderr)
    elif destination == 'syslog':
        handler = logging.handlers.SysLogHandler('/dev/log', facility)
    else:
        handler = logging.handlers.RotatingFileHandler(destination, maxBytes=rotate_mb << 20, backupCount=keep)
    handler.addFilter(Facts())
    handler.setFormatter(formatter or Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ('oslo.messaging', 'oslo_messaging', 'amqp', 'stevedore', 'urllib3', 'oslo_policy'):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
