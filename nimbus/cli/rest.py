"""Asks the REST APIs of one cloud as one user, with the standard library alone: it is there in a third of the time."""

import contextlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

TIMEOUT = 30
LONGEST = 64 << 20  # bytes of an answer that are read
# What a service may be called in the catalog, the newest name first.
TYPES = {
    'compute': ('compute',),
    'network': ('network',),
    'image': ('image',),
    'volume': ('block-storage', 'volumev3', 'volume'),
    'placement': ('placement',),
}


class Away(Exception):
    """The cloud cannot be asked, or does not answer as one does; the text says why."""


class Refused(Away):
    """An answer that says no; the text is the cloud's own."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.http_status = status


class Session:
    """A token, and the endpoints that its catalog names."""

    def __init__(self, told: dict[str, Any], cacert: str | None = None, verify: bool = True) -> None:
        """`told` are the names that a password login takes in clouds.yaml; the login itself is the first request.

        Raises Away, Refused.
        """
        self._opener = urllib.request.build_opener(*_secured(told['auth_url'], cacert, verify))
        auth_url = told['auth_url'].rstrip('/')
        self.auth_url = auth_url if auth_url.endswith('/v3') else auth_url + '/v3'
        _, headers, body = self.ask('POST', self.auth_url + '/auth/tokens', body=_login(told))
        self._token = headers['X-Subject-Token']
        self._catalog: list[dict[str, Any]] = body['token'].get('catalog', [])

    def endpoint(self, service: str) -> str | None:
        """The service's public URL, None when the catalog has none."""
        for name in TYPES.get(service, (service,)):
            for entry in self._catalog:
                for one in entry['endpoints'] if entry['type'] == name else ():
                    if one['interface'] == 'public':
                        return one['url'].rstrip('/')
        return None

    def get(self, service: str, path: str, version: str | None = None) -> Any:
        """The body of a GET, at a microversion where one is told.  Raises Refused, Away."""
        url = self.endpoint(service)
        if url is None:
            raise Away(f'The catalog has no endpoint of {service}.')
        headers = {'X-Auth-Token': self._token}
        if version:
            headers['OpenStack-API-Version'] = f'{TYPES[service][0]} {version}'
        return self.ask('GET', url + path, headers)[2]

    def ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: Any = None, timeout: float = TIMEOUT
    ) -> tuple[int, Any, Any]:
        """Status, headers and body of an answer.  Raises Refused when it is an error, Away when there is none."""
        told = {'Accept': 'application/json', 'User-Agent': 'nimbus', **(headers or {})}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            told['Content-Type'] = 'application/json'
        try:
            with self._opener.open(urllib.request.Request(url, data, told, method=method), timeout=timeout) as answer:
                return answer.status, answer.headers, _body(answer)
        except urllib.error.HTTPError as why:
            with why:
                raise Refused(why.code, _sentence(_body(why)) or f'{method} {url} answered {why.code}.') from why
        except (OSError, ValueError, http.client.HTTPException) as why:
            raise Away(f'{url} does not answer: {getattr(why, "reason", None) or why}') from why


def _secured(auth_url: str, cacert: str | None, verify: bool) -> list[Any]:
    """What speaks TLS as told, where it is spoken at all."""
    if not auth_url.startswith('https'):
        return []
    import ssl

    context = ssl.create_default_context(cafile=cacert)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return [urllib.request.HTTPSHandler(context=context)]


def _login(told: dict[str, Any]) -> dict[str, Any]:
    def domain(kind: str) -> dict[str, str]:
        names = {name: told[f'{kind}_domain_{name}'] for name in ('id', 'name') if told.get(f'{kind}_domain_{name}')}
        return names or {'id': 'default'}

    def named(kind: str, prefix: str) -> dict[str, Any]:
        if told.get(f'{kind}_id'):
            return {'id': told[f'{kind}_id']}
        return {'name': told.get(prefix), 'domain': domain(kind)}

    user = {**named('user', 'username'), 'password': told.get('password', '')}
    auth: dict[str, Any] = {'identity': {'methods': ['password'], 'password': {'user': user}}}
    if told.get('project_id') or told.get('project_name'):
        auth['scope'] = {'project': named('project', 'project_name')}
    return {'auth': auth}


def _body(answer: Any) -> Any:
    """What the answer says: JSON where it is that, else text."""
    data = answer.read(LONGEST)
    with contextlib.suppress(ValueError):
        return json.loads(data) if data else None
    return data.decode(errors='replace')


def _sentence(body: Any) -> str:
    """The message in an error's envelope, whichever service it is of."""
    if isinstance(body, dict):
        for value in body.values():
            if isinstance(value, dict) and value.get('message'):
                return str(value['message'])
        return ''
    return str(body or '')[:200]
