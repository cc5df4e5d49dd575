"""Writes the sample nimbus.conf, the table of options and the sample policy.yaml.

`python -m nimbus.cmd.manage.describe` writes the files anew after an option or a rule was added or changed.
"""

import importlib
import importlib.util
import json
import pathlib
import sys
import textwrap
from typing import Any

from oslo_config import cfg
from oslo_policy import policy

from nimbus.api.kit.policy import BASE_RULES
from nimbus.common import config

ROOT = pathlib.Path(__file__).resolve().parents[3]
SAMPLE, TABLE = ROOT / 'etc' / 'nimbus' / 'nimbus.conf', ROOT / 'doc' / 'options.md'
POLICIES = ROOT / 'etc' / 'nimbus' / 'policy.yaml.sample'
APIS = ('identity', 'compute', 'image', 'network', 'volume', 'placement')
NOTICE = 'Every option of nimbus with its default; none is required.'
MADE = 'Written by `python -m nimbus.cmd.manage.describe`; change the options, not this.'


def sample() -> str:
    """A nimbus.conf in which every option stands commented out, at its default."""
    pieces = [f'# {NOTICE}\n# {MADE}\n']
    for group, opts in config.options().items():
        pieces.append(f'\n[{group}]\n')
        for opt in opts:
            pieces.append(f'{textwrap.fill(_about(opt), 118, initial_indent="# ", subsequent_indent="# ")}\n')
            pieces.append(f'#{opt.dest} = {_default(opt)}'.rstrip() + '\n\n')
    return ''.join(pieces).rstrip() + '\n'


def table() -> str:
    """The page that lists every option, a table for each group."""
    pieces = ['# Options\n', f'{NOTICE} They stand in nimbus.conf, by group. {MADE}\n']
    for group, opts in config.options().items():
        pieces.append(f'\n## [{group}]\n| option | default | what it decides |\n| --- | --- | --- |\n')
        for opt in opts:
            default = f'`{_default(opt)}`' if _default(opt) else ''
            pieces.append(f'| `{opt.dest}` | {default} | {_about(opt)} |\n'.replace('|  |', '| |'))
    return ''.join(pieces)


def policies() -> str:
    """A policy.yaml in which every rule stands commented out, at its default."""
    pieces = [
        f'# Every policy rule of nimbus with its default; an override here is in force within a second.\n'
        f'# {MADE.replace("the options", "the rules")}\n'
    ]
    listed: set[str] = set()
    for title, rules in (('shared by all', BASE_RULES), *((name, _rules(name)) for name in APIS)):
        new = [rule for rule in rules if rule.name not in listed]
        pieces.append(f'\n# {title}\n' if new else '')
        for rule in new:
            listed.add(rule.name)
            about = (rule.description or '').strip()
            pieces.append(
                f'{textwrap.fill(about, 118, initial_indent="# ", subsequent_indent="# ")}\n' if about else ''
            )
            pieces.append(f'#{json.dumps(rule.name)}: {json.dumps(rule.check_str)}\n')
    return ''.join(pieces)


def _rules(service: str) -> tuple[policy.RuleDefault, ...]:
    """The service's rules, none where its API is not there."""
    name = f'nimbus.api.{service}.policies'
    return tuple(importlib.import_module(name).RULES) if importlib.util.find_spec(name) else ()


def _about(opt: cfg.Opt) -> str:
    """The option's help, with its choices, minimum and maximum."""
    kind = opt.type
    limits = []
    if choices := getattr(kind, 'choices', None):
        limits.append(f'One of: {", ".join(map(str, choices))}.')
    for word, bound in (('least', getattr(kind, 'min', None)), ('most', getattr(kind, 'max', None))):
        if bound is not None:
            limits.append(f'At {word} {bound}.')
    return ' '.join([str(opt.help), *limits])


def _default(opt: cfg.Opt) -> str:
    value: Any = opt.default
    if value is None:
        return ''
    if isinstance(value, list):
        return ','.join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def main() -> int:
    """The files describe all options and rules of the code."""
    SAMPLE.write_text(sample())
    TABLE.write_text(table())
    POLICIES.write_text(policies())
    return 0


if __name__ == '__main__':
    sys.exit(main())
