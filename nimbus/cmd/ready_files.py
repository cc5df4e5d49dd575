"""The files by which a cloud that is ready tells its address and its users: clouds.yaml and the ready file."""

import json
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from nimbus.cmd import wiring

User = tuple[str, str, str]  # name, project and password
SERVICES = ('identity', 'compute', 'network', 'image', 'volume', 'placement')


def write_clouds(path: pathlib.Path, conf: Any, password: str, users: Iterable[User] = ()) -> None:
    """A clouds.yaml for this cloud alone is in the state folder, readable by its owner only.

    It has an entry for admin and one for each of the users.
    """
    text = 'clouds:\n'
    for name, (user, project, secret) in _entries(password, users).items():
        text += (
            f'  {_quoted(name)}:\n    auth:\n'
            f'      auth_url: {wiring.url_of(conf, "identity")}/v3\n'
            f'      username: {_quoted(user)}\n      project_name: {_quoted(project)}\n'
            '      user_domain_id: default\n      project_domain_id: default\n'
            f'      password: {_quoted(secret)}\n'
            f'    region_name: {conf.region}\n    identity_api_version: 3\n'
        )
    _write(path, text)


def _entries(password: str, users: Iterable[User]) -> dict[str, User]:
    return {'nimbus': ('admin', 'admin', password)} | {f'nimbus-{user[0]}': user for user in users}


def _quoted(text: str) -> str:
    """The text as YAML, which takes JSON's strings; without quotes some words are numbers or truths."""
    return json.dumps(text)


def write_ready(path: pathlib.Path, conf: Any, password: str, users: Iterable[User] = ()) -> None:
    """The file says as JSON where the cloud is reached and by whom; it is there whole or not at all."""
    auth_url = f'{wiring.url_of(conf, "identity")}/v3'
    told = {
        'pid': os.getpid(),
        'state': str(conf.state_path),
        'region': conf.region,
        'clouds_file': str(pathlib.Path(conf.state_path) / 'clouds.yaml'),
        'auth_url': auth_url,
        'urls': {name: wiring.url_of(conf, name) for name in SERVICES},
        'users': {
            entry: {
                'auth_url': auth_url,
                'username': user,
                'password': secret,
                'project_name': project,
                'user_domain_id': 'default',
                'project_domain_id': 'default',
            }
            for entry, (user, project, secret) in _entries(password, users).items()
        },
    }
    _write(path, json.dumps(told, indent=2) + '\n')


def prepare_ready(path: pathlib.Path) -> None:
    """No file of an earlier cloud is at the path.  Raises OSError with a sentence where none could be written."""
    folder = path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(f'The ready file {path} cannot be written: {folder} is no folder that this user may write to.')
    if path.is_dir():
        raise OSError(f'The ready file {path} cannot be written: it is a folder.')
    path.unlink(missing_ok=True)


def _write(path: pathlib.Path, text: str) -> None:
    """The file has the text, whole, and only its owner reads it."""
    draft = path.with_name(f'.{path.name}.{os.getpid()}')
    with open(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), 'w') as file:
        file.write(text)
    os.replace(draft, path)
