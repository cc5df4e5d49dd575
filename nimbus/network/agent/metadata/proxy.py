"""Run one haproxy in a namespace, which adds to each metadata request the id of its network or router."""

import grp
import os
import pwd
from collections.abc import Sequence

from nimbus.network.agent.host.daemons import Daemon
from nimbus.network.agent.host.files import read, write

ROUTER_PORT = 9697
# What only this side may say: a guest's own copies are dropped before ours are set.
TRUSTED = ('X-Forwarded-For', 'X-Neutron-Network-ID', 'X-Neutron-Router-ID', 'X-Instance-ID', 'X-Tenant-ID',
           'X-Instance-ID-Signature')  # fmt: skip


class Proxy:
    """The metadata proxy of one namespace."""

    def __init__(self, namespace: str, folder: str, socket_path: str, user: str) -> None:
        self.config = os.path.join(folder, 'haproxy.cfg')
        pid_file = os.path.join(folder, 'haproxy.pid')
        self.socket_path = socket_path
        self.user = user
        argv = ['haproxy', '-D', '-f', self.config, '-p', pid_file]
        self.daemon = Daemon(namespace, argv, pid_file, self.config)

    def ensure(self, binds: Sequence[str], header: str, owner: str) -> None:
        """It listens at each of `binds` and names `owner` in `header` of each request it passes on."""
        text = self._text(binds, header, owner)
        if read(self.config) != text:
            self.daemon.stop()
            write(self.config, text)
        self.daemon.start()

    def stop(self) -> None:
        """It is gone."""
        self.daemon.stop()

    def _text(self, binds: Sequence[str], header: str, owner: str) -> str:
        group = grp.getgrgid(pwd.getpwnam(self.user).pw_gid).gr_name
        return '\n'.join([
            'global', f'    user {self.user}', f'    group {group}', '    maxconn 512', '    nbthread 1',
            'defaults', '    mode http', '    timeout connect 5s', '    timeout client 32s',
            '    timeout server 32s', '    timeout http-request 10s', '    option http-buffer-request',
            '    timeout http-keep-alive 10s',
            'listen metadata', *(f'    bind {bind}' for bind in binds),
            *(f'    http-request del-header {name}' for name in TRUSTED),
            '    http-request set-header X-Forwarded-For %[src]',
            f'    http-request set-header {header} {owner}',
            f'    server agent unix@{self.socket_path}', '',
        ])  # fmt: skip
