"""The beginning of VNC between the proxy and a hypervisor, and between the proxy and a client, each with its security.

A client never sees how the proxy shows who it is: to the client, the proxy is a server that asks for nothing.  After
both beginnings what one side says is passed on to the other.
"""

import socket
import ssl
import struct
from collections.abc import Callable

from nimbus.console.options import NONE, VENCRYPT, Settings

VERSION = b'RFB 003.008\n'
TYPES = {NONE: 1, VENCRYPT: 19}
X509_NONE = 260  # of VeNCrypt: TLS with certificates, and no password within
LONGEST_REASON = 256
Read = Callable[[int], bytes]  # so many bytes.  Raises ConnectionError when the other side is gone
Write = Callable[[bytes], None]


class Refused(ConnectionError):
    """The other side speaks no VNC that is allowed, or does not want this."""


def enter(server: socket.socket, settings: Settings) -> socket.socket:
    """The hypervisor waits for a client's first words after its security, on the connection that is returned.

    Raises Refused, OSError.
    """
    version = _read(server, len(VERSION))
    if version != VERSION:
        raise Refused(f'The hypervisor speaks {version!r} instead of RFB 3.8.')
    server.sendall(VERSION)
    offered = _read(server, _read(server, 1)[0])
    if not offered:
        raise Refused(f'The hypervisor says: {_reason(server)}')
    scheme = next((one for one in settings.auth_schemes if TYPES[one] in offered), None)
    if scheme is None:
        raise Refused(f'The hypervisor offers the security types {list(offered)}; {settings.auth_schemes} are allowed.')
    server.sendall(bytes([TYPES[scheme]]))
    secured = _vencrypt(server, settings) if scheme == VENCRYPT else server
    try:
        if struct.unpack('>I', _read(secured, 4))[0]:
            raise Refused(f'The hypervisor says: {_reason(secured)}')
    except BaseException:
        secured.close()  # whoever gave the connection has no part in it any more where TLS has taken it over
        raise
    return secured


def greet(read: Read, write: Write) -> None:
    """The client has been asked for nothing and is about to say its first words after security.

    Raises Refused, and what `read` and `write` raise.
    """
    write(VERSION)
    version = read(len(VERSION))
    if not version.startswith(b'RFB 003.'):
        raise Refused(f'The client speaks {version!r} instead of RFB 3.')
    minor = version[8:11]
    if minor < b'007':
        write(struct.pack('>I', TYPES[NONE]))
        return
    write(bytes([1, TYPES[NONE]]))
    if (chosen := read(1)[0]) != TYPES[NONE]:
        raise Refused(f'The client wants the security type {chosen}, which was not offered.')
    if minor >= b'008':
        write(struct.pack('>I', 0))


def _vencrypt(server: socket.socket, settings: Settings) -> ssl.SSLSocket:
    """The connection, with TLS by certificates of which both sides are sure."""
    if (version := _read(server, 2)) != b'\x00\x02':
        raise Refused(f'The hypervisor speaks VeNCrypt {list(version)} instead of 0.2.')
    server.sendall(version)
    if _read(server, 1) != b'\x00':
        raise Refused('The hypervisor offers VeNCrypt 0.2 and does not take it.')
    kinds = struct.unpack(f'>{(count := _read(server, 1)[0])}I', _read(server, 4 * count))
    if X509_NONE not in kinds:
        raise Refused(f'The hypervisor offers the kinds {list(kinds)} of VeNCrypt, and not {X509_NONE}, x509.')
    server.sendall(struct.pack('>I', X509_NONE))
    if _read(server, 1) != b'\x01':
        raise Refused('The hypervisor offers VeNCrypt by x509 and does not take it.')
    return _tls(settings).wrap_socket(server)


def _tls(settings: Settings) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=settings.vencrypt_ca_certs or None)
    # Certificates of hypervisors name hosts; the proxy knows the addresses at which consoles are reached.
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    if settings.vencrypt_client_cert:
        made.load_cert_chain(settings.vencrypt_client_cert, settings.vencrypt_client_key or None)
    return made


def _reason(server: socket.socket) -> str:
    length = struct.unpack('>I', _read(server, 4))[0]
    return _read(server, min(length, LONGEST_REASON)).decode(errors='replace')


def _read(server: socket.socket, count: int) -> bytes:
    found = b''
    while len(found) < count:
        if not (piece := server.recv(count - len(found))):
            raise Refused('The hypervisor ended the connection.')
        found += piece
    return found
