"""Finds the cloud to use in OS_* variables or clouds.yaml, as OpenStack's clients do, and sends requests to it."""

import argparse
import os
import pathlib
import re
from typing import Any

import yaml
from keystoneauth1 import adapter, exceptions, session
from keystoneauth1.identity import v3

PLACES = (
    pathlib.Path('clouds.yaml'),
    pathlib.Path('~/.config/openstack/clouds.yaml').expanduser(),
    pathlib.Path('/etc/openstack/clouds.yaml'),
)
FAKE = '~/.local/state/nimbus-fake/clouds.yaml'  # written by `nimbus up --fake`
TYPES = {
    'compute': 'compute',
    'network': 'network',
    'image': 'image',
    'volume': 'block-storage',
    'placement': 'placement',
}


class NoCloud(Exception):
    """No cloud is configured, or it cannot be used; the text says what to do."""


def parser(program: str, sentence: str) -> argparse.ArgumentParser:
    """An argument parser with the options every verb takes."""
    made = argparse.ArgumentParser(prog=f'nimbus {program}', description=sentence)
    made.add_argument('--os-cloud', default=os.environ.get('OS_CLOUD'), help='entry of clouds.yaml (default: nimbus)')
    return made


def credentials(name: str | None) -> dict[str, Any]:
    """The credentials to log in with: from OS_* variables, else from the entry of clouds.yaml.  Raises NoCloud."""
    if not name and os.environ.get('OS_AUTH_URL'):
        names = (
            'auth_url',
            'username',
            'password',
            'project_name',
            'user_domain_id',
            'user_domain_name',
            'project_domain_id',
            'project_domain_name',
        )
        return {key: value for key in names if (value := os.environ.get(f'OS_{key.upper()}'))}
    chosen = os.environ.get('OS_CLIENT_CONFIG_FILE')
    for path in (pathlib.Path(chosen),) if chosen else PLACES:
        if path.exists():
            clouds = (yaml.safe_load(path.read_text()) or {}).get('clouds', {})
            if entry := clouds.get(name or 'nimbus'):
                return dict(entry['auth'])
    fake = pathlib.Path(FAKE).expanduser()
    hint = f' For the cloud of `nimbus up --fake`: export OS_CLIENT_CONFIG_FILE={fake}' if fake.exists() else ''
    raise NoCloud(f'No cloud named {name or "nimbus"} stands in clouds.yaml, and OS_AUTH_URL is not set.{hint}')


class Cloud:
    """One cloud's REST APIs, as one user."""

    def __init__(self, auth_url: str, logged_in: session.Session) -> None:
        self.auth_url, self.session = auth_url, logged_in

    @classmethod
    def named(cls, name: str | None) -> 'Cloud':
        """The named cloud, with a session that logs in when it is first used.  Raises NoCloud."""
        found = credentials(name)
        for kind in ('user', 'project'):
            if not found.get(f'{kind}_domain_id') and not found.get(f'{kind}_domain_name'):
                found[f'{kind}_domain_id'] = 'default'
        return cls(found['auth_url'], session.Session(auth=v3.Password(**found), timeout=30))

    def get(self, service: str, path: str, version: str | None = None) -> Any:
        """The body of a GET.  Raises keystoneauth1's exceptions."""
        speak = adapter.Adapter(self.session, service_type=TYPES[service], interface='public')
        return speak.get(path, microversion=version).json()

    def endpoint(self, service: str) -> str | None:
        """The service's public URL, None when the catalog has none."""
        return self.session.get_endpoint(service_type=TYPES.get(service, service), interface='public')


HTTP_ERRORS = exceptions.HttpError
AWAY = exceptions.ClientException


def sentence(why: Exception) -> str:
    """An error as one line."""
    if isinstance(why, exceptions.ConnectFailure) and (found := re.search(r'https?://([^/\s]+)', str(why))):
        return f'{found[1]} does not answer.'
    return str(getattr(why, 'message', None) or why).splitlines()[0]
