"""Describes every option: the sample nimbus.conf and the table of doc/options.md.

`python -m nimbus.cmd.describe` writes both anew after an option was added or changed.
"""

import pathlib
import sys
import textwrap
from typing import Any

from oslo_config import cfg

from nimbus.common import config

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE, TABLE = ROOT / 'etc' / 'nimbus' / 'nimbus.conf', ROOT / 'doc' / 'options.md'
NOTICE = 'Every option of nimbus with its default; none is required.'
MADE = 'Written by `python -m nimbus.cmd.describe`; change the options, not this.'


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


def _about(opt: cfg.Opt) -> str:
    """The option's sentence, and which values it may have."""
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
    """Both files say what the options are today."""
    SAMPLE.write_text(sample())
    TABLE.write_text(table())
    return 0


if __name__ == '__main__':
    sys.exit(main())
