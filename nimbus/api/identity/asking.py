"""What a request to identity is asked of, and what a login's method may read of it."""

from nimbus.api.kit.routes import Call
from nimbus.identity.login.auth import Authority
from nimbus.identity.login.proofs import Asked


def authority(call: Call) -> Authority:
    """The process's issuer of tokens."""
    return call.parts.extra['identity']


def asked(call: Call, *, query: bool = False) -> Asked:
    """The request as a login's method sees it; `query` leaves what stands behind the path in the URL.

    A header whose name has an underscore is left out: CGI names it like the one with a hyphen, which a proxy may have
    taken care of.
    """
    environ = call.environ
    forged = {name.upper().replace('-', '_') for name, _ in environ.get('headers_raw', ()) if '_' in name}
    names = [name for name in environ if name.startswith('HTTP_') and name[5:] not in forged]
    headers = {name[5:].replace('_', '-').title(): environ[name] for name in names}
    told = f'?{environ["QUERY_STRING"]}' if query and environ.get('QUERY_STRING') else ''
    peer = environ.get('REMOTE_ADDR') or ''
    return Asked(environ['REQUEST_METHOD'], f'{call.root_url}{call.path}{told}', headers, peer)
