"""Configuration: the options of all rooms, and reading their values from nimbus.conf.

Every room that has options lists them in an `OPTIONS` mapping of its own
`options` module, group by group.  Only cmd/ loads them; everything below is
handed the values it needs.
"""

import importlib
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from oslo_config import cfg
from oslo_config.sources._environment import EnvironmentConfigurationSource

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
    'nimbus.console',
)
QUOTAS_OF = ('compute', 'network', 'volume')  # groups whose options quota_RESOURCE are the service's default limits


class _Environment(EnvironmentConfigurationSource):
    """Options by the environment, where one that may be given several times is a list with commas.

    oslo.config takes the text for the list, and so each of its letters for a value.
    """

    def get(self, group_name: str | None, option_name: str, opt: cfg.Opt) -> tuple[Any, Any]:
        value, place = super().get(group_name, option_name, opt)
        if opt.multi and isinstance(value, str):
            value = cfg.types.List()(value)
        return value, place


class Unusable(LookupError):
    """A configuration that no daemon can start with; its text has a line for each thing that is wrong."""


def options(rooms: Iterable[str] = ROOMS) -> dict[str, list[cfg.Opt]]:
    """Every option of the rooms, by group."""
    found: dict[str, list[cfg.Opt]] = {}
    for room in rooms:
        module = importlib.import_module(f'{room}.options')
        for group, opts in module.OPTIONS.items():
            found.setdefault(group, []).extend(opts)
    return found


def of_control_host(told: list[str] | None, folder: pathlib.Path = pathlib.Path('/etc/nimbus')) -> list[str] | None:
    """The files that were given, else those of /etc/nimbus that a control daemon is started with; None for none."""
    usual = [str(folder / name) for name in ('nimbus.conf', 'control.conf') if os.path.exists(folder / name)]
    return told or usual or None


def load(argv: list[str], program: str = 'nimbus', files: list[str] | None = None) -> cfg.ConfigOpts:
    """The process's configuration, from --config-file or /etc/nimbus/nimbus.conf where there is one.

    It is oslo.config's own global object, because oslo.messaging registers options that a private one misses.
    Raises Unusable that lists every value which its option does not allow.
    """
    conf = cfg.CONF
    conf._env_driver = _Environment()
    for group, opts in options().items():
        conf.register_opts(opts, group=None if group == 'DEFAULT' else group)
    if files is None and os.path.exists('/etc/nimbus/nimbus.conf'):
        files = ['/etc/nimbus/nimbus.conf']
    try:
        conf(argv, project='nimbus', prog=program, default_config_files=files or [])
    except cfg.ConfigFilesNotFoundError as why:
        raise Unusable(f'There is no configuration file {", ".join(why.config_files)}.') from why
    except cfg.ConfigFilesPermissionDeniedError as why:
        raise Unusable(f'User {os.geteuid()} may not read {", ".join(why.config_files)}.') from why
    except cfg.ConfigFileParseError as why:
        raise Unusable(str(why)) from why
    if wrong := list(_wrong(conf)):
        raise Unusable('\n'.join(wrong))
    return conf


def _wrong(conf: cfg.ConfigOpts) -> Iterator[str]:
    """What is wrong with the values that were given, an option at a time."""
    for group, opts in options().items():
        for opt in opts:
            try:
                (conf if group == 'DEFAULT' else conf[group])[opt.dest]
            except ValueError as why:
                yield f'Option {opt.name} of [{group}]: {str(why).rpartition(" is not valid: ")[2]}.'


def limits(conf: Any) -> dict[str, dict[str, int]]:
    """The quotas that the options `quota_RESOURCE` set: service -> resource -> limit."""
    found: dict[str, dict[str, int]] = {}
    for group, opts in options().items():
        for opt in opts:
            if group in QUOTAS_OF and opt.dest.startswith('quota_'):
                found.setdefault(group, {})[opt.dest.removeprefix('quota_')] = getattr(getattr(conf, group), opt.dest)
    return found


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
