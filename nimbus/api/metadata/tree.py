"""The metadata API's paths: a folder's path answers the list of its entries, a file's its content."""

from typing import Any

from nimbus.common import errors
from nimbus.compute.metadata import documents as metadata
from nimbus.compute.metadata import ec2
from nimbus.compute.metadata.facts import Facts

LATEST = metadata.LATEST


def versions(path: str) -> str | None:
    """The list of versions where the path asks for one: it is the same for every guest."""
    parts = _parts(path)
    if parts in ([], ['ec2']):
        return '\n'.join((*ec2.VERSIONS, LATEST))
    if parts == ['openstack']:
        return '\n'.join((*metadata.VERSIONS, LATEST))
    return None


def find(facts: Facts, path: str) -> bytes:
    """The content at the path.  Raises NotFound."""
    parts = _parts(path)
    if parts[0] == 'openstack':
        return _openstack(facts, parts[1:])
    if parts[0] == 'ec2':
        parts = parts[1:]  # the older form stands at the root and here
    if parts[0] in (*ec2.VERSIONS, LATEST):
        return _ec2(facts, parts[0], parts[1:])
    raise errors.NotFound()


def _parts(path: str) -> list[str]:
    return [part for part in path.split('/') if part]


def _openstack(facts: Facts, parts: list[str]) -> bytes:
    if parts[0] == 'content' and len(parts) == 2:
        contents = {f'{number:04}': content for number, (_, content) in enumerate(facts.files)}
        return _held(contents, parts[1])
    if parts[0] not in (*metadata.VERSIONS, LATEST) or len(parts) > 2:
        raise errors.NotFound()
    documents = metadata.documents(facts, parts[0])
    if metadata.has(metadata.PASSWORD, parts[0]):
        documents[metadata.PASSWORD] = (facts.password or '').encode()
    if len(parts) == 1:
        return '\n'.join(name for name in metadata.SINCE if name in documents).encode()
    return _held(documents, parts[1])


def is_password(path: str) -> bool:
    """Whether the path is the one where a guest leaves its password."""
    parts = _parts(path)
    return len(parts) == 3 and parts[0] == 'openstack' and parts[2] == metadata.PASSWORD and _is_known(parts[1])


def _is_known(version: str) -> bool:
    return version in (*metadata.VERSIONS, LATEST) and metadata.has(metadata.PASSWORD, version)


def _held(files: dict[str, bytes], name: str) -> bytes:
    if name not in files:
        raise errors.NotFound()
    return files[name]


def _ec2(facts: Facts, version: str, parts: list[str]) -> bytes:
    newest = ec2.NEWEST if version == LATEST else version
    user_data = facts.user_data
    if not parts:
        return '\n'.join(['meta-data/', *(['user-data'] if user_data is not None else [])]).encode()
    if parts == ['user-data'] and user_data is not None:
        return user_data
    if parts[0] != 'meta-data':
        raise errors.NotFound()
    found: Any = ec2.meta_data(facts, newest)
    for part in parts[1:]:
        if not isinstance(found, dict) or part not in found or part == '_name':
            raise errors.NotFound()
        found = found[part]
    return _text(found).encode()


def _text(found: Any) -> str:
    """A file's content, or a folder's listing: folders end in a slash, a key is listed as NUMBER=NAME."""
    if not isinstance(found, dict):
        return str(found)
    lines = []
    for name, value in sorted(found.items()):
        if name == '_name':
            continue
        if isinstance(value, dict) and '_name' in value:
            lines.append(f'{name}={value["_name"]}')
        else:
            lines.append(f'{name}/' if isinstance(value, dict) else name)
    return '\n'.join(lines)
