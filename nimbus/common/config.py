"""One nimbus.conf: which options there are, and how a daemon comes by its values.

Every room that has options lists them in an `OPTIONS` mapping of its own
`options` module, group by group.  Only cmd/ loads them; everything below is
handed the values it needs.
"""

import importlib
import os
import pathlib
import sys
from collections.abc import Iterable

from oslo_config import cfg

ROOMS = (
    'nimbus.common',
    'nimbus.api',
    'nimbus.identity',
    'nimbus.image',
    'nimbus.network',
    'nimbus.volume',
    'nimbus.compute',
    'nimbus.scheduler',
    'nimbus.conductor',
)


def options(rooms: Iterable[str] = ROOMS) -> dict[str, list[cfg.Opt]]:
    """Every option of the rooms, by group."""
    found: dict[str, list[cfg.Opt]] = {}
    for room in rooms:
        module = importlib.import_module(f'{room}.options')
        for group, opts in module.OPTIONS.items():
            found.setdefault(group, []).extend(opts)
    return found


def load(argv: list[str], program: str = 'nimbus', files: list[str] | None = None) -> cfg.ConfigOpts:
    """The process's configuration, from --config-file or /etc/nimbus/nimbus.conf where there is one.

    It is oslo.config's own global object, because oslo.messaging registers options that a private one misses.
    """
    conf = cfg.CONF
    for group, opts in options().items():
        conf.register_opts(opts, group=None if group == 'DEFAULT' else group)
    if files is None and os.path.exists('/etc/nimbus/nimbus.conf'):
        files = ['/etc/nimbus/nimbus.conf']
    conf(argv, project='nimbus', prog=program, default_config_files=files or [])
    return conf


def shipped(name: str) -> pathlib.Path:
    """A file of etc/nimbus: the host's own, else the one installed with the package or beside the source.

    Raises FileNotFoundError.
    """
    source = pathlib.Path(__file__).resolve().parents[2]
    places = [pathlib.Path('/etc/nimbus'), pathlib.Path(sys.prefix) / 'etc/nimbus', source / 'etc/nimbus']
    for place in places:
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(f'{name} stands in none of {", ".join(map(str, places))}.')
