"""The metadata API's application: serves a guest its own metadata; a network's proxy signs which guest it is."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterable
from typing import Any

from nimbus.api.kit import wsgi
from nimbus.api.metadata import tree
from nimbus.common import errors, numbers
from nimbus.common.parts import Parts
from nimbus.compute.metadata import documents
from nimbus.compute.metadata.facts import Facts
from nimbus.compute.servers import passwords

LOG = logging.getLogger(__name__)
REASONS = {200: 'OK', 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed',
           409: 'Conflict', 500: 'Internal Server Error', 503: 'Service Unavailable'}  # fmt: skip


def factory(_global_conf: Any, **_local: str) -> 'Metadata':
    """The application, for api-paste.ini."""
    return Metadata(wsgi.parts())


class Metadata:
    """Answers GET on every path of the EC2 and OpenStack trees, and POST where a guest leaves its password."""

    def __init__(self, parts: Parts) -> None:
        """The secret shared with the proxies is [metadata] shared_secret; without one all requests are refused."""
        self.parts = parts
        self._secret = parts.conf.metadata.shared_secret.encode()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, media, body = self._answer(environ)
        headers = [('Content-Type', media), ('Content-Length', str(len(body)))]
        if status == 405:
            allowed = 'GET, HEAD, POST' if tree.is_password(environ.get('PATH_INFO', '')) else 'GET, HEAD'
            headers.append(('Allow', allowed))
        start_response(f'{status} {REASONS[status]}', headers)
        return [] if environ['REQUEST_METHOD'] == 'HEAD' else [body]

    def _answer(self, environ: dict[str, Any]) -> tuple[int, str, bytes]:
        """(status, media type, body)."""
        path = environ.get('PATH_INFO', '/')
        leaves = environ['REQUEST_METHOD'] == 'POST' and tree.is_password(path)
        if environ['REQUEST_METHOD'] not in ('GET', 'HEAD') and not leaves:
            return _plain(405, 'The metadata service answers GET and HEAD, and POST for a password only.')
        try:
            if leaves:
                return self._leave(environ)
            if (listed := tree.versions(path)) is not None:
                return _plain(200, listed)
            found = tree.find(self._facts(environ), path)
        except errors.Invalid as why:
            return _plain(400, why.sentence)
        except errors.Forbidden as why:
            return _plain(403, why.sentence)
        except errors.NotFound:
            return _plain(404, 'There is no such metadata.')
        except errors.Conflict as why:
            return _plain(409, why.sentence)
        except errors.Unavailable as why:
            return _plain(503, why.sentence)
        except Exception:
            LOG.exception('The metadata at %s cannot be read', path)
            return _plain(500, 'The metadata cannot be read; the log says more.')
        media = 'application/json' if path.endswith('.json') else 'text/plain; charset=UTF-8'
        return 200, media, found

    def _leave(self, environ: dict[str, Any]) -> tuple[int, str, bytes]:
        """The guest's encrypted password is kept.  Raises Invalid, Forbidden, NotFound and Conflict."""
        server_id = self._facts(environ).spec['id']
        length = numbers.whole(environ.get('CONTENT_LENGTH') or '0', 'Content-Length')
        encrypted = environ['wsgi.input'].read(min(length, passwords.MAX + 1))
        with self.parts.db.write() as tx:
            passwords.leave(tx, server_id, encrypted)
        return _plain(200, '')

    def _facts(self, environ: dict[str, Any]) -> Facts:
        """All about the guest that asks.  Raises Invalid, Forbidden and NotFound."""
        server_id, project_id = environ.get('HTTP_X_INSTANCE_ID', ''), environ.get('HTTP_X_TENANT_ID', '')
        signature = environ.get('HTTP_X_INSTANCE_ID_SIGNATURE', '')
        for name, value in (('X-Instance-ID', server_id), ('X-Tenant-ID', project_id)):
            if not value:
                raise errors.Invalid(f'{name} header is missing from request.')
            if ',' in value:
                raise errors.Invalid(f'Multiple {name} headers found within request.')
        signed = hmac.new(self._secret, server_id.encode(), hashlib.sha256).hexdigest()
        if not self._secret or not hmac.compare_digest(signed.encode(), signature.encode()):
            LOG.warning('A request for the metadata of server %s is not signed by a proxy of this cloud', server_id)
            raise errors.Forbidden('Invalid proxy request signature.')
        with self.parts.db.read() as tx:
            facts = documents.facts(tx, server_id)
        if facts.spec['project_id'] != project_id:
            raise errors.NotFound(f'Server {server_id} is of another project.')
        return facts


def _plain(status: int, text: str) -> tuple[int, str, bytes]:
    return status, 'text/plain; charset=UTF-8', text.encode()
