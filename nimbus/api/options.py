"""Options of the REST services."""

from oslo_config import cfg

PORTS = {
    'identity': 5000,
    'compute': 8774,
    'metadata': 8775,
    'volume': 8776,
    'placement': 8778,
    'image': 9292,
    'network': 9696,
}

OPTIONS = {
    'api': [
        cfg.StrOpt('listen', default='127.0.0.1', help='Address that the REST endpoints are bound to.'),
        cfg.StrOpt('public_host', default='', help='Host name or address in the catalog; empty means that of listen.'),
        cfg.IntOpt('port_offset', default=0, help='Added to every port below, so that two clouds fit on one machine.'),
        *(cfg.PortOpt(f'{name}_port', default=port, help=f'Port of the {name} API.') for name, port in PORTS.items()),
        cfg.ListOpt(
            'services',
            default=['compute', 'metadata', 'network', 'volume', 'placement'],
            help='Which APIs nimbus-api serves; identity and image have daemons of their own.',
        ),
        cfg.IntOpt('threads', default=32, min=2, help='Requests a process works on at a time.'),
        cfg.IntOpt(
            'workers',
            default=0,
            min=0,
            max=64,
            help='Processes that serve the APIs of a daemon, itself among them; 0 means one for each processor that it '
            'may use, at most 8.',
        ),
        cfg.FloatOpt(
            'request_timeout',
            default=30,
            min=1,
            help='Seconds in which a request must be there, headers and body together. An upload that is larger than a '
            'body of JSON may take longer, but must move by slowest_stream; so must an answer.',
        ),
        cfg.FloatOpt('keep_alive', default=60, min=1, help='Seconds that a connection without a request is kept.'),
        cfg.IntOpt(
            'slowest_stream',
            default=1024,
            min=0,
            help='Bytes a second that an upload or an answer must move on average; one that is slower is ended.',
        ),
        cfg.BoolOpt(
            'access_log',
            default=True,
            help='Log each request at INFO: client, method, path, status, bytes, milliseconds, user and project.',
        ),
        cfg.StrOpt('paste_config', default='', help='Path of api-paste.ini; empty means the shipped one.'),
        cfg.StrOpt(
            'client_certificate_header',
            default='',
            help='Header in which the proxies of trusted_fronts pass on the certificate of a client; they must '
            'remove it from what clients send. Empty means that no client certificate is accepted.',
        ),
        cfg.ListOpt(
            'trusted_fronts',
            default=[],
            help='Addresses or networks of proxies that terminate TLS and are trusted to pass on client certificates.',
        ),
        cfg.StrOpt('policy_file', default='/etc/nimbus/policy.yaml', help='Overrides of policy rules; need not exist.'),
    ],
    'oslo_middleware': [
        cfg.BoolOpt(
            'enable_proxy_headers_parsing',
            default=False,
            help='Take the scheme, host and prefix of URLs from X-Forwarded-Proto, -Host and -Prefix. Only where a '
            'proxy before the APIs sets them itself: a client that can send them chooses the links in responses.',
        ),
    ],
}
