"""The operator guide's own commands: its fenced blocks of shell, by where they are to be run and what they do."""

import pathlib
import re

GUIDE = pathlib.Path(__file__).resolve().parents[2] / 'doc' / 'operator-guide.md'
BLOCK = re.compile(r'^```sh\n# ([a-z ]+): ([^\n]+)\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def blocks() -> dict[str, dict[str, str]]:
    """Where -> what -> the commands, in the guide's order."""
    found: dict[str, dict[str, str]] = {}
    for where, what, commands in BLOCK.findall(GUIDE.read_text()):
        found.setdefault(where, {})[what] = commands
    return found


def script(where: str, *whats: str, **values: str) -> str:
    """The commands as a shell runs them, with the values that the guide leaves to its reader.

    Raises KeyError for a block or a value that the guide does not have.
    """
    text = ''.join(blocks()[where][what] for what in whats)
    for name, value in values.items():
        text, count = re.subn(rf'^{name}=\S+', f'{name}={value}', text, flags=re.MULTILINE)
        if not count:
            raise KeyError(f'The guide has no {name} to set in "{where}: {", ".join(whats)}".')
    return text


def packages(where: str) -> list[str]:
    """What the guide installs with apt on a machine of this kind."""
    words = blocks()[where]['packages'].replace('\\\n', ' ').splitlines()[0].split()
    return [word for word in words[2:] if not word.startswith('-')]
