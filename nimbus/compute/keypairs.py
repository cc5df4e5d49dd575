"""Key pairs: the public keys of users that new servers may be given.

What reads and makes keys is imported where it does: a start does not wait for it.
"""

import base64
import binascii
import datetime
import hashlib
from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, context, errors
from nimbus.common.database import db, listing
from nimbus.compute import user_quotas
from nimbus.compute.models import Keypair

SSH, X509 = 'ssh', 'x509'
PRINCIPAL = '1.3.6.1.4.1.311.20.2.3'  # a certificate's name of the user for Windows
VALID = datetime.timedelta(days=3650)  # for which a certificate that is made here holds


def find(tx: db.Tx, user_id: str, page: listing.Page) -> list[Any]:
    """One page of the user's key pairs, by name.  Raises Invalid on an unknown marker."""
    mine = [Keypair.user_id == user_id]
    if page.marker is not None:
        if tx.row(sa.select(Keypair.seq).where(*mine, Keypair.name == page.marker)) is None:
            raise errors.Invalid(f'Marker {page.marker} could not be found.')
        mine.append(Keypair.name > page.marker)
    query = sa.select(Keypair).where(*mine).order_by(Keypair.name)
    return list(tx.rows(query.limit(page.limit) if page.limit is not None else query))


def show(tx: db.Tx, user_id: str, name: str) -> Any:
    """The key pair's row.  Raises NotFound."""
    row = tx.row(sa.select(Keypair).where(Keypair.user_id == user_id, Keypair.name == name))
    if row is None:
        raise errors.NotFound(f'Keypair {name} not found for user {user_id}')
    return row


def add(tx: db.Tx, asker: context.Context, user_id: str, name: str, public_key: str, kind: str = SSH) -> Any:
    """The user's key is known under the name; returns its row.

    Raises Invalid when it is no such key, Conflict when the name is taken and OverQuota.
    """
    print_of = fingerprint(public_key, kind)
    allowed = user_quotas.limits(tx, asker.project_id or '', user_id)['key_pairs']
    held = tx.scalar(sa.select(sa.func.count()).select_from(Keypair).where(Keypair.user_id == user_id))
    if allowed != -1 and held >= allowed:
        raise errors.OverQuota('Quota exceeded, too many key pairs.')
    if tx.row(sa.select(Keypair.seq).where(Keypair.user_id == user_id, Keypair.name == name)) is not None:
        raise errors.Conflict(f"Key pair '{name}' already exists.")
    values = {'user_id': user_id, 'name': name, 'type': kind, 'fingerprint': print_of, 'public_key': public_key}
    try:
        tx.insert(Keypair, **values, created_at=clock.Clock().now())
    except sa.exc.IntegrityError:
        raise errors.Conflict(f"Key pair '{name}' already exists.") from None
    return show(tx, user_id, name)


def delete(tx: db.Tx, user_id: str, name: str) -> None:
    """The user has no such key pair; servers that know its key keep it.  Raises NotFound."""
    if not tx.delete(Keypair, Keypair.user_id == user_id, Keypair.name == name):
        raise errors.NotFound(f'Keypair {name} not found for user {user_id}')


def generate(kind: str, user_id: str) -> tuple[str, str]:
    """A new private RSA key and its public key, as every ssh client reads them, or the user's certificate of it."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == X509:
        return _certified(key, user_id)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), f'{public.decode()} Generated-by-Nova'


def _certified(key: Any, user_id: str) -> tuple[str, str]:
    """The private key and a certificate by which the user logs in to Windows without a password."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    name = f'{user_id}@localhost'.encode()
    other = x509.OtherName(x509.ObjectIdentifier(PRINCIPAL), bytes([0x0C, len(name)]) + name)  # a UTF8String of ASN.1
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, user_id)])
    now = clock.Clock().now()
    made = x509.CertificateBuilder().subject_name(own).issuer_name(own).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + VALID)
    made = made.add_extension(x509.SubjectAlternativeName([other]), critical=False)
    made = made.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate


def fingerprint(public_key: str, kind: str = SSH) -> str:
    """MD5 of an ssh key, SHA-1 of a certificate, as colon-separated hexadecimal.  Raises Invalid."""
    if kind == X509:
        return _certificate_print(public_key)
    from cryptography import exceptions
    from cryptography.hazmat.primitives import serialization

    try:
        blob = base64.b64decode(public_key.split()[1], validate=True)
        serialization.load_ssh_public_key(public_key.encode())
    except exceptions.UnsupportedAlgorithm:
        pass  # a kind of key that only the guest need know; its bytes were well formed
    except (IndexError, ValueError, binascii.Error):
        raise errors.Invalid('Keypair data is invalid: failed to generate fingerprint') from None
    return _colons(hashlib.md5(blob, usedforsecurity=False).hexdigest())


def _certificate_print(public_key: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    try:
        certificate = x509.load_pem_x509_certificate(public_key.encode())
    except ValueError as why:
        raise errors.Invalid(
            f'Keypair data is invalid: failed to generate X509 fingerprint. Error message: {why}'
        ) from why
    return _colons(certificate.fingerprint(hashes.SHA1()).hex())  # noqa: S303


def _colons(digits: str) -> str:
    return ':'.join(digits[i : i + 2] for i in range(0, len(digits), 2))
