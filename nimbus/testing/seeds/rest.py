"""A cloud's REST APIs as one user after another, for what plants a seed and what writes one."""

import time
from collections.abc import Callable
from typing import Any

from keystoneauth1 import adapter, session
from keystoneauth1.identity import v3

TYPES = {'volume': 'block-storage'}
VERSIONS = {'compute': '2.79', 'volume': '3.60'}
WITHIN = 60.0  # seconds in which a state is reached
LOOK = 0.02


class Failed(Exception):
    """The cloud refused something, or did not do it; the text says what and why."""


class Login:
    """One user in one project."""

    def __init__(self, made: session.Session, sleep: Callable[[float], None] = time.sleep) -> None:
        self.session, self._sleep = made, sleep

    def ask(self, method: str, service: str, path: str, body: Any = None, **more: Any) -> Any:
        """The answer's body, {} where it has none.  Raises Failed."""
        speak = adapter.Adapter(
            self.session,
            service_type=TYPES.get(service, service),
            interface='public',
            version='3' if service == 'identity' else None,
            default_microversion=VERSIONS.get(service),
        )
        answer = speak.request(path, method, json=body, raise_exc=False, **more)
        if answer.status_code >= 300:
            raise Failed(f'{method} {path} of {service}: {answer.status_code} {answer.text[:500]}')
        return answer.json() if answer.content else {}

    def get(self, service: str, path: str) -> Any:
        return self.ask('GET', service, path)

    def post(self, service: str, path: str, body: Any) -> Any:
        return self.ask('POST', service, path, body)

    def put(self, service: str, path: str, body: Any = None) -> Any:
        return self.ask('PUT', service, path, body)

    def rows(self, service: str, path: str, key: str) -> list[Any]:
        """Every row of a list, page by page."""
        found: list[Any] = []
        next_path: str | None = path
        while next_path:
            body = self.get(service, next_path)
            found += body[key]
            next_path = _next(body, key)
        return found

    def until(self, look: Callable[[], Any], what: str) -> Any:
        """What `look` returns once it is true.  Raises Failed."""
        began = time.monotonic()
        while not (found := look()):
            if time.monotonic() - began > WITHIN:
                raise Failed(f'{what} after {WITHIN:.0f} seconds.')
            self._sleep(LOOK)
        return found


def _next(body: dict[str, Any], key: str) -> str | None:
    """The address of the next page; None after the last."""
    links = body.get(f'{key}_links') or []
    return body.get('next') or next((link['href'] for link in links if link['rel'] == 'next'), None)


class Cloud:
    """The cloud at a URL of its identity, whose admin has the password."""

    def __init__(
        self, auth_url: str, password: str, mount: Callable[[session.Session], None] = lambda made: None
    ) -> None:
        """`mount` may give each session another transport."""
        self.auth_url, self.password, self._mount = auth_url, password, mount
        self._logins: dict[tuple[str, str, str], Login] = {}

    def login(self, user: str = 'admin', project: str = 'admin', password: str | None = None) -> Login:
        """A user's way in; the password is that of admin where none is given."""
        key = user, project, password or self.password
        if key not in self._logins:
            auth = v3.Password(
                auth_url=self.auth_url,
                username=user,
                password=key[2],
                user_domain_id='default',
                project_name=project,
                project_domain_id='default',
            )
            made = session.Session(auth=auth, timeout=60)
            self._mount(made)
            self._logins[key] = Login(made)
        return self._logins[key]
