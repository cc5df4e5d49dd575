"""Version discovery of the Identity API: `GET /` and `GET /v3`."""

from typing import Any

from nimbus.api.identity import json_home
from nimbus.api.kit.routes import Call, Reply, Route

MEDIA = [{'base': 'application/json', 'type': 'application/vnd.openstack.identity-v3+json'}]


def _v3(url: str) -> dict[str, Any]:
    return {
        'id': 'v3.14',
        'status': 'stable',
        'updated': '2020-04-07T00:00:00Z',
        'links': [{'rel': 'self', 'href': url}],
        'media-types': MEDIA,
    }


def routes(served: tuple[Route, ...]) -> tuple[Route, ...]:
    """The routes of the root, above the version that has the given routes."""

    def index(call: Call) -> Reply:
        """GET /."""
        if json_home.is_asked(call):
            return json_home.reply(served, '/v3')
        url = f'{call.host_url}/v3/'
        return Reply({'versions': {'values': [_v3(url)]}}, 300, [('Location', url)])

    return (Route('GET', '/', index, None, 300, open=True),)


def show(call: Call) -> Reply:
    """GET /v3."""
    if json_home.is_asked(call):
        return json_home.reply(call.api.routes, '')
    return Reply({'version': _v3(f'{call.root_url}/')}, 200)
