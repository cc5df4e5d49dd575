"""Copy an image's bytes into stores, each copy with the hash that the image has."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nimbus.common import errors, failpoints
from nimbus.image.stores.base import Store
from nimbus.image.stores.stores import Stores

LOG = logging.getLogger(__name__)


def spread(
    stores: Stores,
    image: Any,
    names: Sequence[str],
    key: str,
    pieces: Callable[[], Iterable[bytes]],
    strict: bool,
) -> list[str]:
    """The names of the stores that have the bytes now: all of them if `strict`, else those that took them.

    `key` is that of the drafts.  Where it raises, no store has got the bytes by this.  Raises Unavailable, TooLarge
    and Conflict.
    """
    done: list[str] = []
    failure: errors.NimbusError = errors.Conflict(f'No store was named for image {image.id}.')
    for name in names:
        try:
            _copy(stores.get(name), image, key, pieces)
            done.append(name)
        except (errors.NimbusError, OSError) as why:
            LOG.warning('Image %s cannot be put into store %s: %s', image.id, name, why)
            failure = why if isinstance(why, errors.NimbusError) else errors.Unavailable(f'Store {name} is failing.')
            if strict:
                break
    if not done or (strict and len(done) < len(names)):
        for name in done:
            stores.get(name).delete(image.id)
        raise failure
    return done


def _copy(store: Store, image: Any, key: str, pieces: Callable[[], Iterable[bytes]]) -> None:
    sha = hashlib.new(image.os_hash_algo)
    store.drop_draft(image.id, key)
    draft = store.draft(image.id, key)
    try:
        for piece in pieces():  # opened once there is a draft, so that a store that is full leaves no open file
            sha.update(piece)
            draft.write(piece)
        if sha.hexdigest() != image.os_hash_value:
            raise errors.Conflict(f'The bytes of image {image.id} have not the hash that the image has.')
        draft.settle()
        draft.publish()
        failpoints.hit('image.copied')
    finally:
        draft.drop()
