"""`/v3/OS-FEDERATION`: identity providers, their protocols, mappings and service providers."""

from collections.abc import Callable
from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.authentication import authority
from nimbus.api.identity.federation import saml
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Flag, Int, Listing, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.api.kit.versions import HIGHEST
from nimbus.common.database import db
from nimbus.identity.catalog import service_providers
from nimbus.identity.federation import mappings, protocols, providers

REMOTE_ID = {'type': 'string', 'maxLength': 255}
URL = '^[a-zA-Z0-9+.-]+:.+'


class IdentityProvider(wire.KeystoneNoun):
    """An identity provider, at which users of this cloud log in."""

    one, many = 'identity_provider', 'identity_providers'
    extras = False
    id = Text(READ, filter=True)
    domain_id = Text(READ, CREATE, min=1, max=64, pattern='^[a-zA-Z0-9-]+$', null=True)
    enabled = Flag(READ, CREATE, UPDATE, filter=True)
    description = Text(READ, CREATE, UPDATE, max=65535, null=True)
    authorization_ttl = Int(READ, CREATE, UPDATE, min=0, max=2**31 - 1, null=True)
    remote_ids = Listing(CREATE, UPDATE, items=REMOTE_ID, max=100, unique=True, null=True)


class Protocol(wire.KeystoneNoun):
    """A federation protocol of an identity provider."""

    one, many = 'protocol', 'protocols'
    extras = False
    id = Text(READ)
    mapping_id = Text(READ, CREATE, UPDATE, min=1, max=64, required=True)
    remote_id_attribute = Text(CREATE, max=64, null=True)


class Mapping(wire.KeystoneNoun):
    """A mapping; its rules are validated by `mapping_schemas`."""

    one, many = 'mapping', 'mappings'
    id = Text(READ)
    rules = Listing(READ)
    schema_version = Text(READ)


class ServiceProvider(wire.KeystoneNoun):
    """A service provider: another cloud, where users of this one may log in."""

    one, many = 'service_provider', 'service_providers'
    extras = False
    id = Text(READ, filter=True)
    auth_url = Text(READ, CREATE, UPDATE, max=225, pattern=URL, required=True)
    sp_url = Text(READ, CREATE, UPDATE, max=225, pattern=URL, required=True)
    enabled = Flag(READ, CREATE, UPDATE, filter=True)
    description = Text(READ, CREATE, UPDATE, max=65535, null=True)
    relay_state_prefix = Text(READ, CREATE, UPDATE, max=255, null=True)


def _body(noun: type[wire.KeystoneNoun], verb: str, optional: bool = False, **more: Any) -> Shape:
    """The shape of a body; `more` are further keywords of the noun's part, which may be missing where `optional`."""
    whole = noun.schema(verb, HIGHEST)
    inner = {**whole['properties'][noun.one], **more}
    return Shape({**whole, 'properties': {noun.one: inner}, 'required': [] if optional else [noun.one]})


CREATE_PROVIDER = _body(IdentityProvider, CREATE, optional=True)
UPDATE_PROVIDER = _body(IdentityProvider, UPDATE, minProperties=1)
CREATE_PROTOCOL = _body(Protocol, CREATE)
UPDATE_PROTOCOL = Shape(
    {
        'type': 'object',
        'properties': {
            'protocol': {
                'type': 'object',
                'properties': {
                    'mapping_id': Protocol.mapping_id.schema,
                    'remote_id_attribute': {'type': 'string', 'maxLength': 64},
                },
                'required': ['mapping_id'],
                'additionalProperties': False,
            }
        },
        'required': ['protocol'],
        'additionalProperties': False,
    }
)
MAPPING = Shape({'type': 'object', 'properties': {'mapping': {'type': 'object'}}})
CREATE_SERVICE_PROVIDER = _body(ServiceProvider, CREATE)
UPDATE_SERVICE_PROVIDER = _body(ServiceProvider, UPDATE, minProperties=1)


def _shown(call: Call, noun: type[wire.KeystoneNoun], row: Any) -> dict[str, Any]:
    return {**wire.shown(call, noun, row), 'links': {'self': f'{call.root_url}/OS-FEDERATION/{noun.many}/{row.id}'}}


def _provider_view(tx: db.Tx, rows: list[Any]) -> Callable[..., dict[str, Any]]:
    """A function that shows each of the identity providers with its remote ids."""
    remote_ids = providers.remote_ids_of(tx, [row.id for row in rows])

    def view(call: Call, noun: type[wire.KeystoneNoun], row: Any) -> dict[str, Any]:
        shown = _shown(call, noun, row)
        shown['links']['protocols'] = shown['links']['self'] + '/protocols'
        return {**shown, 'remote_ids': remote_ids[row.id]}

    return view


def _provider(call: Call, tx: db.Tx, provider_id: str) -> dict[str, Any]:
    row = providers.show(tx, provider_id)
    return {'identity_provider': _provider_view(tx, [row])(call, IdentityProvider, row)}


def list_providers(call: Call) -> dict[str, Any]:
    """GET /OS-FEDERATION/identity_providers."""
    page = wire.page_of(call, IdentityProvider)
    with call.db.read() as tx:
        rows = providers.find(tx, page)
        return wire.many(call, IdentityProvider, rows, page, _provider_view(tx, rows))


def show_provider(call: Call, idp_id: str) -> dict[str, Any]:
    """GET /OS-FEDERATION/identity_providers/{idp_id}."""
    with call.db.read() as tx:
        return _provider(call, tx, idp_id)


def create_provider(call: Call, idp_id: str) -> Reply:
    """PUT /OS-FEDERATION/identity_providers/{idp_id}."""
    with wire.writing(call) as tx:
        providers.create(tx, idp_id, call.body.get('identity_provider', {}))
        return Reply(_provider(call, tx, idp_id), 201)


def update_provider(call: Call, idp_id: str) -> dict[str, Any]:
    """PATCH /OS-FEDERATION/identity_providers/{idp_id}."""
    with wire.writing(call) as tx:
        providers.update(tx, idp_id, call.body['identity_provider'])
        return _provider(call, tx, idp_id)


def delete_provider(call: Call, idp_id: str) -> None:
    """DELETE /OS-FEDERATION/identity_providers/{idp_id}."""
    with wire.writing(call) as tx:
        providers.delete(tx, idp_id)


def _protocol_view(call: Call, noun: type[wire.KeystoneNoun], row: Any) -> dict[str, Any]:
    provider = f'{call.root_url}/OS-FEDERATION/identity_providers/{row.identity_provider_id}'
    links = {'self': f'{provider}/protocols/{row.id}', 'identity_provider': provider}
    return {**wire.shown(call, noun, row), 'links': links}


def _listed_protocol(call: Call, noun: type[wire.KeystoneNoun], row: Any) -> dict[str, Any]:
    """A protocol as in a list, which shows more of its attributes than a single one."""
    more = {'idp_id': row.identity_provider_id, 'remote_id_attribute': row.remote_id_attribute}
    return {**_protocol_view(call, noun, row), **more}


def _protocol(call: Call, tx: db.Tx, idp_id: str, protocol_id: str) -> dict[str, Any]:
    return {'protocol': _protocol_view(call, Protocol, protocols.show(tx, idp_id, protocol_id))}


def list_protocols(call: Call, idp_id: str) -> dict[str, Any]:
    """GET /OS-FEDERATION/identity_providers/{idp_id}/protocols."""
    with call.db.read() as tx:
        return wire.many(call, Protocol, protocols.find(tx, idp_id), None, _listed_protocol)


def show_protocol(call: Call, idp_id: str, protocol_id: str) -> dict[str, Any]:
    """GET /OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}."""
    with call.db.read() as tx:
        return _protocol(call, tx, idp_id, protocol_id)


def create_protocol(call: Call, idp_id: str, protocol_id: str) -> Reply:
    """PUT /OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}."""
    with wire.writing(call) as tx:
        protocols.create(tx, idp_id, protocol_id, call.body['protocol'])
        return Reply(_protocol(call, tx, idp_id, protocol_id), 201)


def update_protocol(call: Call, idp_id: str, protocol_id: str) -> dict[str, Any]:
    """PATCH /OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}."""
    with wire.writing(call) as tx:
        protocols.update(tx, idp_id, protocol_id, call.body['protocol'])
        return _protocol(call, tx, idp_id, protocol_id)


def delete_protocol(call: Call, idp_id: str, protocol_id: str) -> None:
    """DELETE /OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}."""
    with wire.writing(call) as tx:
        protocols.delete(tx, idp_id, protocol_id)


def list_mappings(call: Call) -> dict[str, Any]:
    """GET /OS-FEDERATION/mappings."""
    page = wire.page_of(call, Mapping)
    with call.db.read() as tx:
        return wire.many(call, Mapping, mappings.find(tx, page), page, _shown)


def show_mapping(call: Call, mapping_id: str) -> dict[str, Any]:
    """GET /OS-FEDERATION/mappings/{mapping_id}."""
    with call.db.read() as tx:
        return {'mapping': _shown(call, Mapping, mappings.show(tx, mapping_id))}


def create_mapping(call: Call, mapping_id: str) -> Reply:
    """PUT /OS-FEDERATION/mappings/{mapping_id}."""
    with wire.writing(call) as tx:
        mappings.create(tx, mapping_id, call.body.get('mapping', {}), _version(call))
        return Reply({'mapping': _shown(call, Mapping, mappings.show(tx, mapping_id))}, 201)


def _version(call: Call) -> str:
    """The schema version of a mapping that does not set one."""
    return authority(call).settings.federation.attribute_mapping_default_schema_version


def update_mapping(call: Call, mapping_id: str) -> dict[str, Any]:
    """PATCH /OS-FEDERATION/mappings/{mapping_id}."""
    with wire.writing(call) as tx:
        mappings.update(tx, mapping_id, call.body.get('mapping', {}), _version(call))
        return {'mapping': _shown(call, Mapping, mappings.show(tx, mapping_id))}


def delete_mapping(call: Call, mapping_id: str) -> None:
    """DELETE /OS-FEDERATION/mappings/{mapping_id}."""
    with wire.writing(call) as tx:
        mappings.delete(tx, mapping_id)


def _service_provider(call: Call, tx: db.Tx, sp_id: str) -> dict[str, Any]:
    return {'service_provider': _shown(call, ServiceProvider, service_providers.show(tx, sp_id))}


def list_service_providers(call: Call) -> dict[str, Any]:
    """GET /OS-FEDERATION/service_providers."""
    page = wire.page_of(call, ServiceProvider)
    with call.db.read() as tx:
        return wire.many(call, ServiceProvider, service_providers.find(tx, page), page, _shown)


def show_service_provider(call: Call, sp_id: str) -> dict[str, Any]:
    """GET /OS-FEDERATION/service_providers/{sp_id}."""
    with call.db.read() as tx:
        return _service_provider(call, tx, sp_id)


def create_service_provider(call: Call, sp_id: str) -> Reply:
    """PUT /OS-FEDERATION/service_providers/{sp_id}."""
    with wire.writing(call) as tx:
        service_providers.create(tx, sp_id, call.body['service_provider'], saml.relay_state_prefix(call))
        return Reply(_service_provider(call, tx, sp_id), 201)


def update_service_provider(call: Call, sp_id: str) -> dict[str, Any]:
    """PATCH /OS-FEDERATION/service_providers/{sp_id}."""
    with wire.writing(call) as tx:
        service_providers.update(tx, sp_id, call.body['service_provider'], saml.relay_state_prefix(call))
        return _service_provider(call, tx, sp_id)


def delete_service_provider(call: Call, sp_id: str) -> None:
    """DELETE /OS-FEDERATION/service_providers/{sp_id}."""
    with wire.writing(call) as tx:
        service_providers.delete(tx, sp_id)
