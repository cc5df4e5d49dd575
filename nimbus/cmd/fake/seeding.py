"""Gives a fake cloud what its seed describes: hosts before it starts, everything else over its own REST APIs.

What reads and plants seeds is imported where there is one: a start without would spend a tenth of its time on it.
"""

from typing import Any

from nimbus.cmd import wiring
from nimbus.common import errors


def read(chosen: str) -> dict[str, Any]:
    """The seed of that name or file.  Raises LookupError with a line for each mistake."""
    from nimbus.testing.seeds import files

    try:
        return files.read(chosen)
    except files.BadSeed as why:
        raise LookupError(str(why)) from why


def hosts(seed: dict[str, Any], names: list[str]) -> list[str]:
    """The names of the cloud's hosts: those of the seed, which have their sizes, or those given."""
    from nimbus.compute.agent.fake.host import FakeHost

    for row in seed.get('hosts', ()):
        sizes = {name: row[name] for name in ('vcpus', 'memory_mb', 'disk_gb') if name in row}
        FakeHost.named(row['name'], **sizes)
    return [row['name'] for row in seed.get('hosts', ())] or names


def users(seed: dict[str, Any], password: str) -> list[tuple[str, str, str]]:
    """(user, project, password) of each who can log in."""
    found = []
    for row in seed.get('users', ()):
        project = row.get('project') or next(iter(row.get('roles', ())), None)
        if project in row.get('roles', ()):
            found.append((row['name'], project, row.get('password', password)))
    return found


def plant(conf: Any, seed: dict[str, Any], password: str) -> None:
    """The cloud, which answers already, has what the seed describes.  Raises errors.NimbusError with a sentence."""
    from nimbus.testing.seeds import planter, rest

    try:
        planter.plant(rest.Cloud(f'{wiring.url_of(conf, "identity")}/v3', password), seed)
    except rest.Failed as why:
        raise errors.Invalid(f'The seed cannot be planted: {why}') from why
