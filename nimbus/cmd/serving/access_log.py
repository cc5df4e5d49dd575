"""The access log: one line for each request."""

import logging
import re
import time
import urllib.parse
from typing import Any

from nimbus.common import log

NAME = 'nimbus.access'
LOG = logging.getLogger(NAME)
MAX_TARGET = 1000  # characters of a path and query that are logged
SECRET = re.compile(r'passw|token|secret|signature|credential|assertion|saml|verifier|code|auth_key', re.IGNORECASE)
SECRET_IN_PATH = re.compile(r'(?<=/os-console-auth-tokens/)[^/]+')
AT_WORK = 'nimbus.context'
MASKED = {'masked': True}
LINE = '%s "%s %s %s" status: %d len: %d time: %.1f ms user: %s project: %s'


def write(environ: dict[str, Any], target: str, status: int, size: int, began: float) -> None:
    """The request is logged with its request id and without its secrets; `began` is of time.monotonic()."""
    if not LOG.isEnabledFor(logging.INFO):
        return
    asker = environ.get(AT_WORK)
    with log.about(environ.get('nimbus.request_id', '-')):
        LOG.info(
            LINE,
            environ.get('REMOTE_ADDR', '-'),
            environ['REQUEST_METHOD'],
            masked(target)[:MAX_TARGET],
            environ['SERVER_PROTOCOL'],
            status,
            size,
            (time.monotonic() - began) * 1000,
            (asker and asker.user_id) or '-',
            (asker and asker.project_id) or '-',
            extra=MASKED,
        )


def write_refused(peer: str, status: int, request: str) -> None:
    """An invalid request is logged, as far as it could be parsed."""
    LOG.info('%s "%s" status: %d', peer, request[:MAX_TARGET], status, extra=MASKED)


def masked(target: str) -> str:
    """A path and query with *** for secret ids in the path and for the values of secret parameters, by their names."""
    path, mark, query = target.partition('?')
    path = SECRET_IN_PATH.sub('***', path)
    if not mark:
        return path
    pairs = (pair.partition('=') for pair in query.split('&'))
    kept = (f'{name}={"***" if SECRET.search(urllib.parse.unquote_plus(name)) else value}' if equals else name
            for name, equals, value in pairs)  # fmt: skip
    return f'{path}?{"&".join(kept)}'
