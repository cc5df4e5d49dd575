"""`nimbus-manage metadefs`: what operators do to the image service's data beside its API."""

import json
import pathlib
from typing import Any

from nimbus.cmd import wiring
from nimbus.common import errors
from nimbus.image.metadefs import definitions, loading


def load_metadefs(conf: Any, args: Any) -> int:
    """The namespaces of the files, or the cloud's own set, are there."""
    spaces = [space for path in args.paths for space in _read(path)] if args.paths else definitions.SPACES
    database = wiring.make_parts(conf).db
    written = database.with_retries(lambda tx: loading.load(tx, spaces, args.replace))
    for name, new in written.items():
        print(f'{name}: {"written" if new else "there already; stays as it was (--replace writes it anew)"}.')
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
