"""The password that a guest generated and posted to the metadata service, encrypted with its user's public key."""

from nimbus.common import context, errors
from nimbus.common.database import db
from nimbus.compute.models import Server
from nimbus.compute.servers import servers

MAX = 1020  # bytes; an encrypted password with the longest keys in use


def leave(tx: db.Tx, server_id: str, encrypted: bytes) -> None:
    """The server has the password.  Raises Invalid for what is no such text, and Conflict when it has one already."""
    if len(encrypted) > MAX:
        raise errors.Invalid('Request is too large.')
    try:
        text = encrypted.decode()
    except UnicodeDecodeError:
        raise errors.Invalid('An encrypted password must be text.') from None
    free = (Server.id == server_id, Server.deleted_at.is_(None), Server.guest_password.is_(None))
    if text and not tx.update(Server, *free, guest_password=text):
        raise errors.Conflict(f'Server {server_id} has a password already; its user must clear that first.')


def show(tx: db.Tx, asker: context.Context, server_id: str) -> str:
    """The encrypted password, empty when the guest has left none.  Raises NotFound."""
    return servers.show(tx, asker, server_id).guest_password or ''


def clear(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The cloud does not have the password any more; the guest may leave another.  Raises NotFound."""
    servers.show(tx, asker, server_id)
    tx.update(Server, Server.id == server_id, guest_password=None)
