"""Finds out which cloud is meant, as every OpenStack client does, and speaks to it."""

import argparse
import os
import pathlib
from typing import Any

from nimbus.cli import rest

PLACES = (
    pathlib.Path('clouds.yaml'),
    pathlib.Path('~/.config/openstack/clouds.yaml').expanduser(),
    pathlib.Path('/etc/openstack/clouds.yaml'),
)


class NoCloud(Exception):
    """Nothing says which cloud is meant, or it cannot be used; the text says what to do."""


def parser(program: str, sentence: str) -> argparse.ArgumentParser:
    """An argument parser with the options every verb takes."""
    made = argparse.ArgumentParser(prog=f'nimbus {program}', description=sentence)
    made.add_argument('--os-cloud', default=os.environ.get('OS_CLOUD'), help='entry of clouds.yaml (default: nimbus)')
    return made


def credentials(name: str | None) -> dict[str, Any]:
    """What is needed to log in: from OS_* variables, else from the entry of clouds.yaml.  Raises NoCloud."""
    if not name and os.environ.get('OS_AUTH_URL'):
        names = (
            'auth_url',
            'user_id',
            'username',
            'password',
            'project_id',
            'project_name',
            'user_domain_id',
            'user_domain_name',
            'project_domain_id',
            'project_domain_name',
            'cacert',
        )
        return {key: value for key in names if (value := os.environ.get(f'OS_{key.upper()}'))}
    told = os.environ.get('OS_CLIENT_CONFIG_FILE')
    for path in (pathlib.Path(told),) if told else PLACES:
        if path.exists():
            import yaml  # not needed where the environment says it all

            clouds = (yaml.safe_load(path.read_text()) or {}).get('clouds', {})
            if entry := clouds.get(name or 'nimbus'):
                return {**entry['auth'], **{key: entry[key] for key in ('cacert', 'verify') if key in entry}}
    raise NoCloud(f'No cloud named {name or "nimbus"} stands in clouds.yaml, and OS_AUTH_URL is not set.')


def connect(name: str | None) -> rest.Session:
    """The cloud that is meant, logged in to.  Raises NoCloud, and what rest.Session raises."""
    told = credentials(name)
    verify = str(told.pop('verify', True)).lower() not in ('false', '0', 'no')
    return rest.Session(told, told.pop('cacert', None), verify)


def sentence(why: Exception) -> str:
    """An error as one line."""
    return (str(why).splitlines() or [type(why).__name__])[0]
