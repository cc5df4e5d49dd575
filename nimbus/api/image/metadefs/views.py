"""Metadata definitions as responses show them: what has no value is left out."""

from typing import Any

from nimbus.common import clock


def _told(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _times(row: Any) -> dict[str, Any]:
    return {'created_at': clock.iso(row.created_at), 'updated_at': clock.iso(row.updated_at)}


def namespace(row: Any, **contents: Any) -> dict[str, Any]:
    """A namespace; of its contents only kinds of which there are some."""
    plain = {
        name: getattr(row, name)
        for name in ('namespace', 'display_name', 'description', 'visibility', 'protected', 'owner')
    }
    links = {'self': f'/v2/metadefs/namespaces/{row.namespace}', 'schema': '/v2/schemas/metadefs/namespace'}
    return _told(**plain, **_times(row)) | links | {name: value for name, value in contents.items() if value}


def object_(space: Any, row: Any) -> dict[str, Any]:
    """An object of a namespace."""
    links = {
        'self': f'/v2/metadefs/namespaces/{space.namespace}/objects/{row.name}',
        'schema': '/v2/schemas/metadefs/object',
    }
    told = _told(name=row.name, description=row.description)
    return told | {'required': row.required, 'properties': row.properties} | _times(row) | links


def property_(row: Any) -> dict[str, Any]:
    """A property of a namespace, with its name."""
    return {**row.schema, 'name': row.name}


def association(row: Any) -> dict[str, Any]:
    """A type of resources that a namespace is for."""
    return _told(name=row.name, prefix=row.prefix, properties_target=row.properties_target) | _times(row)


def named(row: Any) -> dict[str, Any]:
    """A tag, or a type of resources by itself."""
    return {'name': row.name} | _times(row)
