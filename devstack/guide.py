"""The operator guide's own commands: its fenced blocks of shell, by where they are to be run and what they do."""

import pathlib
import re

GUIDE = pathlib.Path(__file__).resolve().parents[1] / 'doc' / 'operator-guide.md'
BLOCK = re.compile(r'^```sh\n# ([A-Za-z ]+): ([^\n]+)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FENCE = re.compile(r'^```.*?^```$', re.MULTILINE | re.DOTALL)
# What stands in a sentence and is a command: a program of nimbus's or systemd's with what it is told.
COMMAND = re.compile(
    r'(?:(?:nimbus|nimbus-manage|nimbus-status|openstack|systemctl|journalctl) [^`]+|(?:\./)?devstack/[^`]+)'
)


def blocks() -> dict[str, dict[str, str]]:
    """Where -> what -> the commands, in the guide's order."""
    found: dict[str, dict[str, str]] = {}
    for where, what, commands in BLOCK.findall(GUIDE.read_text()):
        found.setdefault(where, {})[what] = commands
    return found


def fences() -> int:
    """How many fenced blocks of shell there are, whether they say where they are to be run or not."""
    return len(re.findall(r'^```(?:sh|bash|console)\n', GUIDE.read_text(), re.MULTILINE))


def named() -> list[str]:
    """The commands that sentences and tables of the guide name."""
    text = FENCE.sub('', GUIDE.read_text())
    words = (' '.join(word.split()) for word in re.findall(r'`([^`]+)`', text))
    return sorted({word for word in words if COMMAND.fullmatch(word)})


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


def packages(where: str, what: str = 'packages') -> list[str]:
    """What the guide installs with apt on a machine of this kind."""
    words = blocks()[where][what].replace('\\\n', ' ').splitlines()[0].split()
    return [word for word in words[2:] if not word.startswith('-')]
