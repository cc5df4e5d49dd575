"""Which SAML identity providers are trusted: those whose metadata is in a directory of the operator's."""

import base64
import datetime
import logging
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nimbus.common import errors
from nimbus.identity.saml.signed_xml import found, name, parsed, text

if TYPE_CHECKING:
    from cryptography import x509

LOG = logging.getLogger(__name__)
Known = dict[
    str, list[tuple['x509.Certificate', datetime.datetime | None]]
]  # by entity id; with validUntil where it is set


class Trusted:
    """The identity providers of a directory, read again when a file changed."""

    def __init__(self, directory: str) -> None:
        self._directory = pathlib.Path(directory)
        self._known: tuple[Any, Known] | None = None

    def certificates(self, entity_id: str, now: datetime.datetime) -> 'list[x509.Certificate]':
        """The signing certificates of the identity provider; none when it is unknown or its metadata expired."""
        stamps = {file: _stamp(file) for file in sorted(self._directory.glob('*.xml'))}
        if self._known is None or self._known[0] != stamps:
            self._known = (stamps, _read(list(stamps)))
        given = self._known[1].get(entity_id, [])
        return [certificate for certificate, until in given if until is None or now < until]


def _stamp(file: pathlib.Path) -> tuple[int, int] | None:
    try:
        about = file.stat()
    except OSError:
        return None  # it was deleted just now
    return about.st_mtime_ns, about.st_ino


def _read(files: list[pathlib.Path]) -> Known:
    known: Known = {}
    for file in files:
        try:
            for entity, until in _entities(parsed(file.read_bytes())):
                certificates = [(certificate, until) for certificate in _certificates(entity)]
                known.setdefault(entity.get('entityID', ''), []).extend(certificates)
        except (OSError, ValueError, errors.Invalid) as why:
            LOG.error('The SAML metadata %s are ignored: %s', file.name, why)
    return known


def _entities(root: Any, until: datetime.datetime | None = None) -> Iterator[tuple[Any, datetime.datetime | None]]:
    """Every entity of the metadata, and its validUntil."""
    if given := root.get('validUntil'):
        ends = moment(given)
        until = ends if until is None else min(until, ends)
    if root.tag == name('md:EntityDescriptor'):
        yield root, until
    elif root.tag == name('md:EntitiesDescriptor'):
        for child in root.iterchildren(name('md:EntityDescriptor'), name('md:EntitiesDescriptor')):
            yield from _entities(child, until)
    else:
        raise ValueError(f'{root.tag} is not SAML metadata')


def _certificates(entity: Any) -> 'Iterator[x509.Certificate]':
    from cryptography import x509

    for key in found(entity, 'md:IDPSSODescriptor', 'md:KeyDescriptor'):
        if key.get('use', 'signing') == 'signing':
            for given in found(key, 'ds:KeyInfo', 'ds:X509Data', 'ds:X509Certificate'):
                yield x509.load_der_x509_certificate(base64.b64decode(text(given)))


def moment(given: str) -> datetime.datetime:
    """The time of a SAML text, which is in UTC.  Raises ValueError."""
    made = datetime.datetime.fromisoformat(given)
    if made.utcoffset() != datetime.timedelta(0):
        raise ValueError(f'{given} is not a time in UTC')
    return made.replace(tzinfo=None)
