"""Steers a fake cloud over its REST API: chosen time, failures and answers, snapshots, and what was asked of it."""

import urllib.parse
from collections.abc import Iterable
from typing import Any

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3


class Refused(Exception):
    """The cloud refused what it was told, or is none that can be steered; the text says why."""


class Controls:
    """The controls of the cloud at a URL of its identity, for its admin."""

    def __init__(self, auth_url: str, password: str, made: session.Session | None = None) -> None:
        auth = v3.Password(
            auth_url=auth_url,
            username='admin',
            password=password,
            user_domain_id='default',
            project_name='admin',
            project_domain_id='default',
        )
        self._session = made or session.Session(auth=auth, timeout=60)
        place = urllib.parse.urlsplit(auth_url)
        self.url = f'{place.scheme}://{place.netloc}/fake/v1'

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's body.  Raises Refused."""
        kept = {} if body is None else {'json': body}
        answer = self._session.request(f'{self.url}{path}', method, raise_exc=False, authenticated=True, **kept)
        if answer.status_code == 401:  # what it was given no longer counts: the clock was moved, or the cloud put back
            self._session.invalidate()
            answer = self._session.request(f'{self.url}{path}', method, raise_exc=False, authenticated=True, **kept)
        if answer.status_code < 300:
            return answer.json() if answer.content else None
        try:
            raise Refused(answer.json()['error']['message'])
        except (ValueError, KeyError, TypeError):
            raise Refused(f'{self.url} is no fake cloud that can be steered: {answer.status_code}.') from None

    def show(self) -> Any:
        """All that is chosen now, and the operations that there are."""
        return self.ask('GET', '')

    def reset(self) -> None:
        """Nothing is chosen, the time is right, and every host is on."""
        self.ask('DELETE', '')

    def take(self, name: str = 'clean') -> None:
        """The cloud can be put back to what it is now."""
        self.ask('PUT', f'/snapshots/{name}')

    def restore(self, name: str = 'clean') -> None:
        """The cloud is what it was, and nothing is chosen."""
        self.ask('POST', f'/snapshots/{name}')

    def slow(self, operation: str, seconds: float) -> None:
        """Each such operation takes so much longer; * stands for all that change something."""
        self.ask('PUT', '/times', {operation: seconds})

    def fail(self, operation: str, **how: Any) -> str:
        """The next call of the operation fails, or as `times`, `every`, `chance`, `host` and `message` say."""
        found: str = self.ask('POST', '/faults', {'operation': operation, **how})['id']
        return found

    def answer(self, **what: Any) -> str:
        """The next answer that `service`, `method` and `path` match is as `status`, `delay` or `cut` say."""
        found: str = self.ask('POST', '/answers', what)['id']
        return found

    def move_clock(self, seconds: float) -> None:
        """It is so much later."""
        self.ask('POST', '/clock', {'seconds': seconds})

    def limit_pages(self, rows: int | None) -> None:
        """Lists that come page by page have so many rows a page at most."""
        self.ask('PUT', '/page-limit', {'limit': rows})

    def switch(self, host: str, power: str) -> None:
        """The host is on or off."""
        self.ask('PUT', f'/hosts/{host}', {'power': power})

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """What was asked of the cloud after the request of that number, and what it answered."""
        found: list[dict[str, Any]] = self.ask('GET', f'/requests?since={since}')['requests']
        return found

    def last(self) -> int:
        """The number of the last request."""
        found: int = self.show()['last_request']
        return found


AWAY = exceptions.ClientException


def matching(records: Iterable[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    """The records with these values; of `path`, what it begins with."""
    path = wanted.pop('path', '')
    return [
        record
        for record in records
        if record['path'].startswith(path) and all(record[name] == value for name, value in wanted.items())
    ]
