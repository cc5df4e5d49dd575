"""Builds the stores that the options name."""

import ipaddress
import os
from collections.abc import Iterable, Mapping
from typing import Any

from nimbus.common import errors
from nimbus.image.downloads.rules import Rules
from nimbus.image.stores import s3
from nimbus.image.stores.base import Store
from nimbus.image.stores.file import FileStore
from nimbus.image.stores.http import HttpStore
from nimbus.image.stores.s3 import S3Store
from nimbus.image.stores.stores import Place, Stores


def stores(conf: Any) -> Stores:
    """The stores of this host.  Raises Invalid, naming what the options have wrong."""
    said = conf.image
    staging = FileStore(said.store_path or os.path.join(conf.state_path, 'images'))
    if not said.stores:
        return Stores.alone(staging)
    kinds: dict[str, str] = dict(_pair(entry) for entry in said.stores)
    default = said.default_store or next(iter(kinds))
    if default not in kinds or kinds[default] == 'http':
        raise errors.Invalid(f'[image] default_store is {default}, which is no store that takes images.')
    places = {
        name: Place(
            _store(conf, name, kind, staging), said.store_descriptions.get(name, ''), _weight(said.store_weights, name)
        )
        for name, kind in kinds.items()
    }
    return Stores(staging, places, default)


def _pair(entry: str) -> tuple[str, str]:
    name, _, kind = entry.partition(':')
    if not name or kind not in KINDS:
        raise errors.Invalid(f'[image] stores has {entry}; each is NAME:KIND, with a kind of {", ".join(KINDS)}.')
    return name, kind


def _weight(weights: Mapping[str, str], name: str) -> int:
    try:
        return int(weights.get(name, 0))
    except ValueError:
        raise errors.Invalid(f'[image] store_weights says {weights[name]} of {name}, which is no number.') from None


def _store(conf: Any, name: str, kind: str, staging: FileStore) -> Store:
    return KINDS[kind](conf, name, staging)


def _file(conf: Any, name: str, staging: FileStore) -> Store:
    path = conf.image.store_paths.get(name) or f'{staging.path}-{name}'
    return staging if os.path.realpath(path) == os.path.realpath(staging.path) else FileStore(path)


def _s3(conf: Any, name: str, staging: FileStore) -> Store:
    said = conf.image
    words = {}
    for option in ('s3_urls', 's3_buckets', 's3_access_keys', 's3_secret_keys'):
        if name not in getattr(said, option):
            raise errors.Invalid(f'[image] {option} says nothing of the store {name}, which speaks S3.')
        words[option] = getattr(said, option)[name]
    return S3Store(*words.values(), spool=s3.folder(str(staging.path), name))


def _http(conf: Any, name: str, staging: FileStore) -> Store:
    return HttpStore(rules(conf))


def rules(conf: Any) -> Rules:
    """The rules of downloads, as the `image` options say.  Raises Invalid."""
    said = conf.image
    try:
        networks = tuple(ipaddress.ip_network(network) for network in said.download_networks)
    except ValueError as why:
        raise errors.Invalid(f'[image] download_networks has what is no network: {why}.') from why
    return Rules(
        schemes=_names(said.download_schemes),
        ports=tuple(said.download_ports),
        hosts=_names(said.download_hosts),
        refused_hosts=_names(said.download_refused_hosts),
        networks=networks,
        redirects=said.download_redirects,
        seconds=said.download_seconds,
        pause=said.download_pause,
    )


def _names(given: Iterable[str]) -> tuple[str, ...]:
    """The names as they are found in a URI, where case and a last dot mean nothing."""
    return tuple(name.strip().lower().rstrip('.') for name in given)


KINDS = {'file': _file, 's3': _s3, 'http': _http}
