"""Lists and shows what stands, of every service: CPU of each, to compare at other numbers of rows."""

from bench import measure

# service, the list's path, the key of its rows, and the path of one
NOUNS = (
    ('compute', '/servers/detail?limit=1000', 'servers', '/servers/'),
    ('compute', '/servers?limit=1000', 'servers', '/servers/'),
    ('compute', '/flavors?limit=5', 'flavors', '/flavors/'),
    ('network', '/v2.0/ports?limit=200', 'ports', '/v2.0/ports/'),
    ('image', '/v2/images?limit=22', 'images', '/v2/images/'),
    ('block-storage', '/volumes/detail?limit=100', 'volumes', '/volumes/'),
)


def main() -> None:
    """Print a line for each list and, where there is a row, one for showing it."""
    parser = measure.arguments(__doc__)
    parser.add_argument('--count', type=int, default=100, help='requests of each kind; a tenth for long lists')
    options = parser.parse_args()
    cloud, login = measure.Processes(options), measure.Login(options)
    for service, path, key, one in NOUNS:
        endpoint = login.to(service)
        rows = endpoint.ask('GET', path)[2][key]
        count = max(5, options.count // 10) if len(rows) > 100 else options.count
        measure.timed(cloud, f'GET {path}', count, lambda e=endpoint, p=path: e.ask('GET', p), rows=len(rows))
        if rows:
            shown = one + rows[0]['id']
            measure.timed(cloud, f'GET {one}ID', options.count, lambda e=endpoint, p=shown: e.ask('GET', p))


if __name__ == '__main__':
    main()
