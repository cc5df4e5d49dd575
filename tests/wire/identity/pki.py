"""Certificates of a test's own: authorities, and servers that one of them, or nobody, vouches for."""

import dataclasses
import datetime
import ipaddress
import pathlib
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Identity:
    """The files of a certificate and of its key."""

    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    """Vouches for servers; `file` is what trusts it."""

    def __init__(self, place: pathlib.Path, name: str = 'authority') -> None:
        self._place, self._key = place, ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        made = _certificate(self._name, self._name, self._key.public_key(), days=(-1, 30))
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = made.sign(self._key, hashes.SHA256())
        self.file = place / f'{name}.pem'
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def vouch(self, *names: str, days: tuple[int, int] = (-1, 30)) -> Identity:
        """A server of these names and addresses, from so many days on until so many."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(self._name, _name(names[0]), key.public_key(), days)
        made = made.add_extension(x509.SubjectAlternativeName(_names(names)), critical=False)
        place = self._place / f'{names[0]}-{days[1]}'
        place.mkdir()
        found = Identity(place / 'certificate.pem', place / 'key.pem')
        signed = made.sign(self._key, hashes.SHA256())
        found.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        encoded = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        found.key.write_bytes(encoded)
        return found


def _certificate(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: tuple[int, int]
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    return made.not_valid_before(now + min(days) * DAY - DAY).not_valid_after(now + max(days) * DAY)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _names(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        if name.replace('.', '').isdigit():
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        else:
            found.append(x509.DNSName(name))
    return found
