"""RabbitMQ's users: the permissions of an agent's, and how rabbitmqctl creates and deletes them."""

import re
import shutil
import subprocess

from nimbus.common import errors

AGENTS = ('compute', 'network', 'volume')
NAME = re.compile(r'[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?')
TIMEOUT = 60  # seconds; Erlang takes one or two to start, more on a busy host


def agent_permission(host: str) -> str:
    """What an agent's user on `host` may configure, write and read, as patterns: its queues, the desk and replies."""
    own = host.replace('.', r'\.')
    return (
        rf'^(nimbus|(compute|network|volume)(\.{own}|_fanout(_.*)?)?|desk-(compute|network|volume)|reply_.*'
        r'|amq\.default|)$'
    )


def account_of(host: str) -> str:
    """The name of the account of a host's agents.  Raises Invalid for an invalid host name."""
    if not NAME.fullmatch(host):
        raise errors.Invalid(f'{host!r} is no name of a host: letters, digits, dots and hyphens make one.')
    return f'nimbus-{host}'


class Broker:
    """The accounts of a RabbitMQ, by its host's rabbitmqctl; passwords are passed on standard input."""

    def __init__(self, vhost: str, node: str | None = None) -> None:
        self._vhost, self._node = vhost, node

    def accounts(self) -> set[str]:
        """The names of all accounts."""
        lines = self._run('list_users', '--silent').splitlines()
        return {line.split('\t')[0].strip('"') for line in lines if line}

    def make(self, account: str, password: str, permission: str) -> None:
        """The account exists with this password and these permissions in the virtual host, and none elsewhere."""
        known = account in self.accounts()
        self._run('change_password' if known else 'add_user', account, stdin=password)
        self._run('set_permissions', '-p', self._vhost, account, permission, permission, permission)

    def drop(self, account: str) -> None:
        """The account is gone, and so are its connections."""
        self._run('delete_user', account)

    def _run(self, verb: str, *words: str, stdin: str = '') -> str:
        program = shutil.which('rabbitmqctl', path='/usr/local/sbin:/usr/sbin:/usr/bin:/usr/local/bin')
        if program is None:
            raise errors.Unavailable(
                'There is no rabbitmqctl here: run this on a host of RabbitMQ, with the files of /etc/nimbus.'
            )
        node = ['--node', self._node] if self._node else []
        argv = [program, '--quiet', *node, verb, *words]
        try:
            done = subprocess.run(argv, input=stdin + '\n', capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired as why:
            raise errors.Unavailable(f'rabbitmqctl {verb} did not end within {TIMEOUT} seconds.') from why
        if done.returncode:
            said = ' '.join((done.stderr or done.stdout).split()) or f'exit code {done.returncode}'
            raise errors.Unavailable(f'rabbitmqctl {verb} failed: {said[:1000]}')
        return done.stdout
