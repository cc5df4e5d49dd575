"""Which pages may open a console: a browser sends the token's bearer to wherever any page says, and names that page."""

import urllib.parse
from collections.abc import Mapping


def trouble(headers: Mapping[str, str], allowed: tuple[str, ...], scheme: str) -> str | None:
    """Why the page that asks may not open a console; None where it may, or where no browser asks.

    `allowed` are the host names of pages that may beside those of the host that is asked; `scheme` is http or https,
    whichever the console is served by.
    """
    origin = headers.get('Origin')
    if origin is None:
        return None
    try:
        page, own = urllib.parse.urlsplit(origin), urllib.parse.urlsplit(f'//{headers.get("Host") or ""}')
        hosts = {name.lower() for name in (*allowed, own.hostname or '') if name}
        host = page.hostname
    except ValueError:
        return 'the origin is no address'
    # A proxy that has ended TLS says what the browser spoke.
    spoken = headers.get('X-Forwarded-Proto') or page.scheme
    if not host or not spoken:
        return 'the origin is no address'
    if host not in hosts:
        return f'pages of {host} may not open consoles; [console] allowed_origins names those that may'
    return None if spoken == scheme else f'the page is of {spoken}, and consoles are served by {scheme}'
