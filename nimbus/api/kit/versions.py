"""Microversions: handlers implement the latest, and older requests are translated to it.

What a version adds, drops or reshapes in a response is a window on a field
(`since=`, `until=`); a new or retired endpoint is a window on its route.  What
it changes in a request is the `lift` of the Change below.  What it changes in
behaviour is asked for by the Change's name: `call.speaks(NoForcedMoves)`.
"""

import re
from typing import Any

from nimbus.common import errors

Version = tuple[int, int]
LOWEST: Version = (0, 0)
HIGHEST: Version = (999, 999)
NUMBER = re.compile(r'([1-9][0-9]{0,8})\.([1-9][0-9]{0,8}|0)\Z')


class Change:
    """One microversion; the docstring is its entry in the published history."""

    number: Version
    noun: type | None = None

    def lift(self, verb: str, body: Any) -> Any:
        """Turn a body from before this version into what it means today."""
        return body


class History:
    """An API's microversions, oldest first."""

    def __init__(
        self,
        *changes: type[Change],
        minimum: Version,
        service: str,
        aliases: tuple[str, ...] = (),
        legacy_header: str | None = None,
        maximum: Version | None = None,
    ) -> None:
        """`service` is the word in the OpenStack-API-Version header; a request may say one of `aliases` instead.

        Raises TypeError when the microversions are out of order or listed twice.
        """
        self.changes, self.minimum, self.service, self.legacy_header = (
            changes,
            minimum,
            service,
            legacy_header,
        )
        self.names = frozenset({service, *aliases})
        numbers = [minimum, *(change.number for change in changes)]
        if numbers != sorted(set(numbers)):
            raise TypeError('microversions must be listed once each, oldest first')
        self.latest = maximum or numbers[-1]

    def lift(self, noun: type | None, verb: str, body: Any, version: Version) -> Any:
        """The body as the latest version means it."""
        for change in self.changes:
            if change.number > version and change.noun in (None, noun):
                body = change().lift(verb, body)
        return body

    def asked(self, environ: dict[str, Any]) -> Version:
        """The version a request asks for, the minimum when it asks for none.  Raises Invalid and NotAcceptable."""
        text = self._header(environ)
        if text is None:
            return self.minimum
        if text == 'latest':
            return self.latest
        match = NUMBER.match(text)
        if not match:
            raise errors.Invalid(
                f'API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum.'
            )
        version = int(match[1]), int(match[2])
        if not self.minimum <= version <= self.latest:
            raise errors.NotAcceptable(
                f'Version {text} is not supported by the API. Minimum is {show(self.minimum)} '
                f'and maximum is {show(self.latest)}.',
                min_version=show(self.minimum),
                max_version=show(self.latest),
            )
        return version

    def _header(self, environ: dict[str, Any]) -> str | None:
        found = None
        for part in environ.get('HTTP_OPENSTACK_API_VERSION', '').split(','):
            words = part.split()
            if len(words) == 2 and words[0].lower() in self.names:
                found = words[1].lower()
        if found is None and self.legacy_header:
            key = 'HTTP_' + self.legacy_header.upper().replace('-', '_')
            found = environ.get(key, '').strip().lower() or None
        return found

    def headers(self, version: Version) -> list[tuple[str, str]]:
        """The version headers of every response of a versioned API."""
        vary = ['OpenStack-API-Version', *([self.legacy_header] if self.legacy_header else [])]
        found = [('OpenStack-API-Version', f'{self.service} {show(version)}'), ('Vary', ', '.join(vary))]
        if self.legacy_header:
            found.append((self.legacy_header, show(version)))
        return found


def show(version: Version) -> str:
    """`2.1`."""
    return f'{version[0]}.{version[1]}'
