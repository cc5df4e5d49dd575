"""Logging in OpenStack's format: time, pid, level, module, request id, instance, message."""

import contextlib
import contextvars
import logging
import logging.handlers
import os
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar('request', default='-')
INSTANCE: contextvars.ContextVar[str] = contextvars.ContextVar('instance', default='')
FORMAT = '%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [%(request_id)s] %(instance)s%(message)s'
SYSLOG_FORMAT = FORMAT.partition('%(process)d ')[2]  # syslog adds the time, the daemon and its pid by itself
DATES = '%Y-%m-%d %H:%M:%S'
SECRET = re.compile(
    r"""((?:password|adminPass|admin_pass|secret|token|user_data|auth_key|signature|[?&]sig)["']?\s*[:=]\s*["']?)"""
    r"""[^"',\s&}]+""",
    re.IGNORECASE,
)
OF_URL = re.compile(r'(://[^/\s:@]*:)[^/\s@]+(?=@)')  # the password of a URL
MASK = r'\1***'
# Libraries that log every try to reach a broker, and of whose lines one of a kind in so many seconds is enough.
INSISTENT = ('oslo.messaging', 'oslo_messaging', 'amqp')
SPARED = 60


def at_debug(form: str) -> str:
    """The format with the line of the source."""
    return form.replace('%(name)s', '%(name)s:%(lineno)d')


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
    """Every record has its request's id and its server's, and shows no secret."""

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
        return text if getattr(record, 'masked', False) else OF_URL.sub(MASK, SECRET.sub(MASK, text))


class RateLimit(logging.Filter):
    """Of a library's repeated lines from one place of its source, one a minute passes, and says how many did not.

    A broker that is away would otherwise fill the log, and what else is wrong would be lost in it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(INSISTENT) or record.levelno >= logging.CRITICAL:
            return True
        place, now = (record.name, record.lineno), time.monotonic()
        last, left_out = self._seen.get(place, (-SPARED, 0))
        if now - last < SPARED:
            self._seen[place] = last, left_out + 1
            return False
        self._seen[place] = now, 0
        if left_out:
            record.msg, record.args = f'{record.getMessage()} ({left_out} more like it were left out)', ()
        return True


class Journal(logging.StreamHandler):
    """Standard error as the journal reads it: every line says by a number how severe it is."""

    def format(self, record: logging.LogRecord) -> str:
        severity = logging.handlers.SysLogHandler.priority_names[_severity(record.levelno)]
        return '\n'.join(f'<{severity}>{line}' for line in super().format(record).splitlines() or [''])


def _severity(level: int) -> str:
    for least, name in ((logging.CRITICAL, 'crit'), (logging.ERROR, 'err'), (logging.WARNING, 'warning')):
        if level >= least:
            return name
    return 'info' if level >= logging.INFO else 'debug'


def in_journal() -> bool:
    """Whether standard error leads to the journal, as systemd's JOURNAL_STREAM says."""
    try:
        given = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get('JOURNAL_STREAM') == f'{given.st_dev}:{given.st_ino}'


def setup(
    destination: str = '-',
    level: str = 'INFO',
    rotate_mb: int = 10,
    keep: int = 10,
    facility: str = 'local0',
    formatter: Formatter | None = None,
    program: str = 'nimbus',
) -> None:
    """The process logs to a file, to `-` (standard error) or to `syslog`, from now on.  Raises OSError.

    `program` is how it is named in syslog.  With `rotate_mb` 0 another process rotates the file, and this one follows.
    """
    handler: Any
    if destination == '-':
        handler = Journal(sys.stderr) if in_journal() else logging.StreamHandler(sys.stderr)
    elif destination == 'syslog':
        handler = logging.handlers.SysLogHandler('/dev/log', facility)
        handler.ident = f'{program}[{os.getpid()}]: '
    elif not rotate_mb:
        handler = logging.handlers.WatchedFileHandler(destination)
    else:
        handler = logging.handlers.RotatingFileHandler(destination, maxBytes=rotate_mb << 20, backupCount=keep)
    handler.addFilter(Facts())
    if level.upper() != 'DEBUG':
        handler.addFilter(RateLimit())
    handler.setFormatter(formatter or Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ('oslo.messaging', 'oslo_messaging', 'amqp', 'stevedore', 'urllib3', 'oslo_policy'):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
