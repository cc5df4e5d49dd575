"""Placement's version document, resource classes and traits."""

from typing import Any

from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import show
from nimbus.api.placement.microversions import MAXIMUM, MINIMUM
from nimbus.api.placement.resource_classes import known
from nimbus.common import errors

# The standard classes; clients look their names up here, also those that no host of ours has.
STANDARD = (
    'VCPU',
    'MEMORY_MB',
    'DISK_GB',
    'PCI_DEVICE',
    'SRIOV_NET_VF',
    'NUMA_SOCKET',
    'NUMA_CORE',
    'NUMA_THREAD',
    'NUMA_MEMORY_MB',
    'IPV4_ADDRESS',
    'VGPU',
    'VGPU_DISPLAY_HEAD',
    'NET_BW_EGR_KILOBIT_PER_SEC',
    'NET_BW_IGR_KILOBIT_PER_SEC',
    'PCPU',
    'MEM_ENCRYPTION_CONTEXT',
    'FPGA',
    'PGPU',
    'NET_PACKET_RATE_KILOPACKET_PER_SEC',
    'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC',
    'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
)


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


def classes(call: Call) -> dict[str, Any]:
    """GET /resource_classes."""
    return {'resource_classes': [_class(call, name) for name in STANDARD]}


def show_class(call: Call, name: str) -> dict[str, Any]:
    """GET /resource_classes/{name}.  Raises NotFound."""
    if name not in STANDARD:
        raise errors.NotFound(f'No such resource class {name}.')
    return _class(call, name)


def traits(call: Call) -> dict[str, Any]:
    """GET /traits: no host has one yet, so none is known.  Raises Invalid on a query of another form."""
    known(call, 'name', 'associated')
    name, associated = call.arg('name'), call.arg('associated')
    if name is not None and ':' not in name:
        raise errors.Invalid(
            'Badly formatted name parameter. Expected name query string parameter in form: '
            f'?name=[in|startswith]:[name1,name2|prefix]. Got: "{name}"'
        )
    if associated is not None and associated.lower() not in ('true', 'false'):
        raise errors.Invalid('The query parameter "associated" only accepts "true" or "false"')
    return {'traits': []}


def show_trait(call: Call, name: str) -> dict[str, Any]:
    """GET /traits/{name}.  Raises NotFound."""
    raise errors.NotFound(f'No such trait(s): {name}.')
