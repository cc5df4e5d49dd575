"""Version discovery: the documents that list the Compute API's versions."""

from typing import Any

from nimbus.api.compute.legacy import LEGACY
from nimbus.api.compute.microversions import MAXIMUM, MINIMUM
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import show
from nimbus.common import errors

UPDATED = {'v2.0': '2011-01-21T11:33:21Z', 'v2.1': '2013-07-23T11:33:21Z'}


def _entry(number: str, host_url: str) -> dict[str, Any]:
    newest = number == 'v2.1'
    path = 'v2.1' if newest else 'v2'
    return {
        'id': number,
        'status': 'CURRENT' if newest else 'SUPPORTED',
        'version': show(MAXIMUM) if newest else '',
        'min_version': show(MINIMUM) if newest else '',
        'updated': UPDATED[number],
        'links': [{'rel': 'self', 'href': f'{host_url}/{path}/'}],
    }


def _described(number: str, host_url: str) -> dict[str, Any]:
    entry = _entry(number, host_url)
    described = {'rel': 'describedby', 'type': 'text/html', 'href': 'http://docs.openstack.org/'}
    major = '2.1' if number == 'v2.1' else '2'
    media = [{'base': 'application/json', 'type': f'application/vnd.openstack.compute+json;version={major}'}]
    return {**entry, 'links': [*entry['links'], described], 'media-types': media}


def every(call: Call) -> dict[str, Any]:
    """Every version, oldest first."""
    return {'versions': [_entry(number, call.host_url) for number in UPDATED]}


def own(call: Call) -> dict[str, Any]:
    """The version whose root was asked for."""
    return {'version': _described('v2.0' if call.api.history is LEGACY else 'v2.1', call.host_url)}


def named(call: Call, id: str) -> dict[str, Any]:
    """The version named, as `/versions/{id}` has always answered.  Raises NotFound."""
    if id not in UPDATED:
        raise errors.NotFound(f'Version {id} not found')
    return {'version': _described(id, call.host_url)}
