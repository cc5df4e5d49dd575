"""Options of the consoles: where the proxy listens, what clients are told of it, and whom it lets through."""

import dataclasses
import urllib.parse
from typing import Any, Self

from oslo_config import cfg, types

NONE, VENCRYPT = 'none', 'vencrypt'
OPTIONS: dict[str, list[Any]] = {
    'console': [
        cfg.StrOpt('listen', default='', help='Address that nimbus-console is bound to; empty means that of the APIs.'),
        cfg.PortOpt('port', default=6080, help='Port of nimbus-console; the port_offset of the APIs is added.'),
        cfg.StrOpt(
            'public_url',
            default='',
            help='Where browsers reach nimbus-console, such as https://cloud.example/consoles behind a proxy with TLS; '
            'empty means http on the host of the catalog and the port above. The same for APIs and consoles.',
        ),
        cfg.StrOpt(
            'novnc_path',
            default='/usr/share/novnc',
            help='Folder of the page noVNC; where there is none, nimbus-console serves websockets alone.',
        ),
        cfg.StrOpt('novnc_page', default='vnc_lite.html', help='The page of that folder that consoles open with.'),
        cfg.IntOpt('token_ttl', default=600, min=1, help='Seconds for which the address of a console is good.'),
        cfg.BoolOpt(
            'enforce_session_timeout',
            default=False,
            help='Whether a console that is open is closed when its token ends; else it stays until one side ends it.',
        ),
        cfg.ListOpt(
            'allowed_origins',
            default=[],
            help='Host names whose pages may open consoles, beside the one that nimbus-console itself is reached by.',
        ),
        cfg.IntOpt('max_connections', default=200, min=1, help='Consoles that are open at a time at most.'),
        cfg.IntOpt(
            'stall_timeout',
            default=30,
            min=1,
            help='Seconds in which a client or a guest must take what it is sent; one that does not is disconnected.',
        ),
        cfg.ListOpt(
            'auth_schemes',
            default=[NONE],
            item_type=types.String(choices=[NONE, VENCRYPT]),
            help='How nimbus-console speaks VNC to hypervisors, the best way first: vencrypt is TLS with certificates.',
        ),
        cfg.StrOpt('vencrypt_client_key', default='', help='Path of the key by which hypervisors know nimbus-console.'),
        cfg.StrOpt('vencrypt_client_cert', default='', help='Path of the certificate of that key.'),
        cfg.StrOpt(
            'vencrypt_ca_certs', default='', help="Path of the authorities that vouch for hypervisors' certificates."
        ),
    ],
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the options say."""

    listen: str = '127.0.0.1'
    port: int = 6080
    public_url: str = 'http://127.0.0.1:6080'
    novnc_path: str = ''
    novnc_page: str = 'vnc_lite.html'
    token_ttl: int = 600
    enforce_session_timeout: bool = False
    allowed_origins: tuple[str, ...] = ()
    max_connections: int = 200
    stall_timeout: float = 30
    auth_schemes: tuple[str, ...] = (NONE,)
    vencrypt_client_key: str = ''
    vencrypt_client_cert: str = ''
    vencrypt_ca_certs: str = ''

    @classmethod
    def of(cls, conf: Any) -> Self:
        """The settings of a process that serves consoles, or tells clients where they are."""
        named = {field.name: getattr(conf.console, field.name) for field in dataclasses.fields(cls)}
        named |= {name: tuple(value) for name, value in named.items() if isinstance(value, list)}
        port = conf.console.port + conf.api.port_offset
        host = conf.api.public_host or conf.console.listen or conf.api.listen
        host = f'[{host}]' if ':' in host else host
        own = f'http://{host}:{port}'
        named['public_url'] = named['public_url'].rstrip('/') or own
        return cls(**{**named, 'port': port, 'listen': conf.console.listen or conf.api.listen})

    def vnc_url(self, token: str) -> str:
        """The address of the page in which a browser shows a screen."""
        # The page connects to the path that it is given, below the root of its host.
        path = urllib.parse.urlsplit(self.public_url).path.strip('/')
        return f'{self.public_url}/{self.novnc_page}?{urllib.parse.urlencode({"path": f"{path}?token={token}"})}'

    def serial_url(self, token: str) -> str:
        """The address of the websocket through which a client reaches a serial port."""
        scheme, _, rest = self.public_url.partition('://')
        return f'{"wss" if scheme == "https" else "ws"}://{rest}/?token={token}'
