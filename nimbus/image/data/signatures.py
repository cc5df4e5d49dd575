"""Check the signature that an image's properties hold against a certificate that the operator trusts.

Who signs an image puts the signature of its bytes into `img_signature`, in base64, and says in three more properties
which hash and kind of key it was made with, and which certificate checks it: `UUID.pem` in the operator's folder.
"""

import base64
import binascii
import datetime
import pathlib
from collections.abc import Callable
from typing import Any

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils

from nimbus.common import clock, errors, ids

SIGNATURE, HASH, KIND = 'img_signature', 'img_signature_hash_method', 'img_signature_key_type'
CERTIFICATE = 'img_signature_certificate_uuid'
HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    'SHA-224': hashes.SHA224,
    'SHA-256': hashes.SHA256,
    'SHA-384': hashes.SHA384,
    'SHA-512': hashes.SHA512,
}
CURVES = ('SECP384R1', 'SECP521R1', 'SECT409K1', 'SECT409R1', 'SECT571K1', 'SECT571R1')
KEYS = ('RSA-PSS', 'DSA', *(f'ECC_{curve}' for curve in CURVES))


def of(properties: dict[str, str], folder: str) -> 'Signature | None':
    """The signature to check an image by; None where its properties do not hold all of one.  Raises Invalid."""
    if not all(properties.get(name) for name in (SIGNATURE, HASH, KIND, CERTIFICATE)):
        return None
    return Signature(properties, folder)


class Signature:
    """Hashes the bytes of one image as they pass, and at the end checks whether they are those that were signed."""

    def __init__(self, properties: dict[str, str], folder: str) -> None:
        """Raises Invalid for properties that are no signature, and a certificate that is not there or not valid now."""
        self._method = HASHES.get(properties[HASH], hashes.SHA512)()
        if properties[HASH] not in HASHES:
            raise _failed(f'invalid signature hash method: {properties[HASH]}; allowed are {", ".join(HASHES)}')
        if properties[KIND] not in KEYS:
            raise _failed(f'invalid signature key type: {properties[KIND]}; allowed are {", ".join(KEYS)}')
        try:
            self._signature = base64.b64decode(properties[SIGNATURE], validate=True)
        except (binascii.Error, ValueError):
            raise _failed('the signature is not base64') from None
        self._check = _checker(_certificate(properties[CERTIFICATE], folder).public_key(), properties[KIND])
        self._hash = hashes.Hash(self._method)

    def eat(self, piece: bytes) -> None:
        """One more piece of the image has gone by."""
        self._hash.update(piece)

    def finish(self) -> None:
        """Nothing, when the bytes are those that were signed.  Raises Invalid."""
        try:
            self._check(self._signature, self._hash.finalize(), self._method)
        except exceptions.InvalidSignature:
            raise _failed('the image is not what was signed with the key of its certificate') from None


def _failed(why: str) -> errors.Invalid:
    return errors.Invalid(f'Signature verification failed: {why}.')


def _certificate(name: str, folder: str) -> x509.Certificate:
    """The certificate of that id, which is valid now.  Raises Invalid."""
    missing = _failed(f'there is no certificate {name[:64]} in this cloud')
    if not ids.is_uuid(name) or not folder:
        raise missing
    try:
        found = x509.load_pem_x509_certificate((pathlib.Path(folder) / f'{name}.pem').read_bytes())
    except FileNotFoundError:
        raise missing from None
    except (OSError, ValueError) as why:
        sentence = _failed(f'certificate {name} cannot be read').sentence
        raise errors.Invalid(sentence, inside=f'{sentence} {folder}/{name}.pem: {why}') from why
    now = clock.Clock().now().replace(tzinfo=datetime.UTC)
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        raise _failed(f'certificate {name} is not valid at this time')
    return found


def _checker(key: Any, kind: str) -> Callable[[bytes, bytes, hashes.HashAlgorithm], None]:
    """What checks a signature of a hash by the key.  Raises Invalid for a key of another kind than was said."""
    if kind == 'RSA-PSS' and isinstance(key, rsa.RSAPublicKey):
        return lambda signature, digest, method: key.verify(
            signature,
            digest,
            padding.PSS(mgf=padding.MGF1(method), salt_length=padding.PSS.MAX_LENGTH),
            utils.Prehashed(method),
        )
    if kind == 'DSA' and isinstance(key, dsa.DSAPublicKey):
        return lambda signature, digest, method: key.verify(signature, digest, utils.Prehashed(method))
    if isinstance(key, ec.EllipticCurvePublicKey) and kind == f'ECC_{key.curve.name.upper()}':
        return lambda signature, digest, method: key.verify(signature, digest, ec.ECDSA(utils.Prehashed(method)))
    raise _failed(f'the key of the certificate is not of the type {kind}')
