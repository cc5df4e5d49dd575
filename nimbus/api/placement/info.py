"""Placement's version document and resource classes."""

from typing import Any

from nimbus.api.kit.routes import Call, Reply
from nimbus.api.kit.versions import show
from nimbus.api.placement.dates import dated
from nimbus.api.placement.microversions import MAXIMUM, MINIMUM
from nimbus.api.placement.resource_classes import STANDARD
from nimbus.common import errors


def versions(call: Call) -> dict[str, Any]:
    """GET /: the one version there is."""
    entry = {
        'id': f'v{show(MINIMUM)}',
        'max_version': show(MAXIMUM),
        'min_version': show(MINIMUM),
        'status': 'CURRENT',
        'links': [{'rel': 'self', 'href': ''}],
    }
    return {'versions': [entry]}


def _class(call: Call, name: str) -> dict[str, Any]:
    href = f'{call.environ.get("SCRIPT_NAME", "")}/resource_classes/{name}'
    return {'name': name, 'links': [{'rel': 'self', 'href': href}]}


def classes(call: Call) -> Reply:
    """GET /resource_classes."""
    return dated(call, {'resource_classes': [_class(call, name) for name in STANDARD]})


def show_class(call: Call, name: str) -> Reply:
    """GET /resource_classes/{name}.  Raises NotFound."""
    if name not in STANDARD:
        raise errors.NotFound(f'No such resource class {name}.')
    return dated(call, _class(call, name))
