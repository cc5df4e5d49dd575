"""The stores of a cloud: one without a name, or several by the names that operators gave them."""

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nimbus.common import errors
from nimbus.image.stores.base import Store
from nimbus.image.stores.file import FileStore
from nimbus.image.stores.http import HttpStore

LOG = logging.getLogger(__name__)
ALONE = ''  # the name of the only store where stores have none


@dataclasses.dataclass(frozen=True)
class Place:
    """One store, and what its operator says of it."""

    store: Store
    description: str = ''
    weight: int = 0  # where an image is in several stores, it is read from the one with the highest


class Stores:
    """Every store by its name, and the folder where bytes are staged."""

    def __init__(self, staging: FileStore, places: Mapping[str, Place], default: str) -> None:
        self.staging, self.places, self.default = staging, dict(places), default

    @classmethod
    def alone(cls, store: FileStore) -> 'Stores':
        """The only store, which has no name and stages as well."""
        return cls(store, {ALONE: Place(store)}, ALONE)

    @property
    def named(self) -> bool:
        """Whether users see stores and name them."""
        return ALONE not in self.places

    def get(self, name: str) -> Store:
        """The store of that name.  Raises NotFound."""
        if name not in self.places:
            raise errors.NotFound(f'There is no store {name}.')
        return self.places[name].store

    def writable(self) -> list[str]:
        """The names of the stores that take images, the default first."""
        found = [name for name, place in self.places.items() if not place.store.read_only]
        return sorted(found, key=lambda name: name != self.default)

    def web(self) -> str | None:
        """The name of the store of images that lie at web servers; None where there is none."""
        return next((name for name, place in self.places.items() if isinstance(place.store, HttpStore)), None)

    def holders(self, kept: str | None) -> list[str]:
        """The names of the stores that an image is in, by what its row keeps, best first."""
        names = kept.split(',') if kept else [self.default]
        return sorted(names, key=lambda name: -self.places[name].weight if name in self.places else 0)

    def read(self, image: Any, start: int, length: int) -> Iterator[bytes]:
        """A part of an image's bytes, from the best of its stores that answers.  Raises NotFound, Unavailable."""
        failure: errors.NimbusError = errors.NotFound(f'Image {image.id} has no data.')
        for name in self.holders(image.stores):
            try:
                store = self.get(name)
                if isinstance(store, HttpStore):
                    return store.read_at(image, start, length)
                return store.read(image.id, start, length)
            except (errors.NotFound, errors.Unavailable) as why:
                LOG.warning('Image %s cannot be read from store %s: %s', image.id, name or 'of images', why.inside)
                failure = why
        raise failure

    def each(self) -> Iterable[Store]:
        """Every store that bytes may lie in, the staging folder among them, each once."""
        found = {id(self.staging): self.staging} | {id(place.store): place.store for place in self.places.values()}
        return found.values()
