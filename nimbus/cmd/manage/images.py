"""`nimbus-manage image` and `nimbus-manage metadefs`: what operators do to the image service's data beside its API."""

import json
import pathlib
from typing import Any

from nimbus.cmd import wiring
from nimbus.common import clock, errors
from nimbus.image import quotas
from nimbus.image.images import removal
from nimbus.image.metadefs import definitions, loading


def load_metadefs(conf: Any, args: Any) -> int:
    """The namespaces of the files, or the cloud's own set, are there."""
    spaces = [space for path in args.paths for space in _read(path)] if args.paths else definitions.SPACES
    database = wiring.make_parts(conf).db
    written = database.with_retries(lambda tx: loading.load(tx, spaces, args.replace))
    for name, new in written.items():
        print(f'{name}: {"written" if new else "there already; stays as it was (--replace writes it anew)"}.')
    return 0


def list_deleted(conf: Any, _args: Any) -> int:
    """Images that users deleted and that can be restored."""
    with wiring.make_parts(conf).db.read() as tx:
        for row in removal.find(tx):
            print(f'{row.id}  deleted {clock.iso(row.deleted_at)}  owner {row.owner}  {row.name or ""}'.rstrip())
    return 0


def restore(conf: Any, args: Any) -> int:
    """An image that a user deleted is active again."""
    wiring.make_parts(conf).db.with_retries(lambda tx: removal.restore(tx, args.image, quotas.of(conf)))
    print(f'Image {args.image} is active again.')
    return 0


def _read(path: pathlib.Path) -> list[dict[str, Any]]:
    files = sorted(path.glob('*.json')) if path.is_dir() else [path]
    if not files:
        raise LookupError(f'{path} has no file *.json.')
    found = []
    for file in files:
        try:
            space = json.loads(file.read_text())
        except ValueError as why:
            raise errors.Invalid(f'{file} is not JSON: {why}.') from why
        if not isinstance(space, dict):
            raise errors.Invalid(f'{file} has no namespace: it is not a JSON object.')
        found.append(space)
    return found
