"""What identity's handlers take from a call: the process's authority, and the request for authentication methods."""

from nimbus.api.kit.routes import Call
from nimbus.identity.login.auth import Authority
from nimbus.identity.login.proofs import Asked


def authority(call: Call) -> Authority:
    """The process's Authority, which issues tokens."""
    return call.parts.extra['identity']


def asked(call: Call, *, query: bool = False) -> Asked:
    """The request as authentication methods read it; with `query` its URL has the query string.

    A header whose name has an underscore is left out: WSGI gives it the same key as the one with a hyphen, which a
    proxy may have removed or set.
    """
    environ = call.environ
    forged = {name.upper().replace('-', '_') for name, _ in environ.get('headers_raw', ()) if '_' in name}
    names = [name for name in environ if name.startswith('HTTP_') and name[5:] not in forged]
    headers = {name[5:].replace('_', '-').title(): environ[name] for name in names}
    given = f'?{environ["QUERY_STRING"]}' if query and environ.get('QUERY_STRING') else ''
    peer = environ.get('REMOTE_ADDR') or ''
    return Asked(environ['REQUEST_METHOD'], f'{call.root_url}{call.path}{given}', headers, peer)
