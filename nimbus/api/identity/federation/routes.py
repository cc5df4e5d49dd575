"""The endpoints of federation: identity providers, protocols, mappings, service providers and logins."""

from collections.abc import Iterator

from nimbus.api.identity.federation import federated_login as login
from nimbus.api.identity.federation import federation
from nimbus.api.identity.tokens import tokens
from nimbus.api.kit.routes import Route

_PROVIDER = '/OS-FEDERATION/identity_providers/{idp_id}'
_PROTOCOL = _PROVIDER + '/protocols/{protocol_id}'
_MAPPING = '/OS-FEDERATION/mappings/{mapping_id}'
_SERVICE = '/OS-FEDERATION/service_providers/{sp_id}'
NOUNS = (
    Route('GET', '/OS-FEDERATION/identity_providers', federation.list_providers, 'identity:list_identity_providers'),
    Route('GET', _PROVIDER, federation.show_provider, 'identity:get_identity_provider'),
    Route(
        'PUT',
        _PROVIDER,
        federation.create_provider,
        'identity:create_identity_provider',
        201,
        shape=federation.CREATE_PROVIDER,
    ),
    Route(
        'PATCH',
        _PROVIDER,
        federation.update_provider,
        'identity:update_identity_provider',
        shape=federation.UPDATE_PROVIDER,
    ),
    Route('DELETE', _PROVIDER, federation.delete_provider, 'identity:delete_identity_provider', 204),
    Route('GET', _PROVIDER + '/protocols', federation.list_protocols, 'identity:list_protocols'),
    Route('GET', _PROTOCOL, federation.show_protocol, 'identity:get_protocol'),
    Route(
        'PUT',
        _PROTOCOL,
        federation.create_protocol,
        'identity:create_protocol',
        201,
        shape=federation.CREATE_PROTOCOL,
    ),
    Route('PATCH', _PROTOCOL, federation.update_protocol, 'identity:update_protocol', shape=federation.UPDATE_PROTOCOL),
    Route('DELETE', _PROTOCOL, federation.delete_protocol, 'identity:delete_protocol', 204),
    Route('GET', '/OS-FEDERATION/mappings', federation.list_mappings, 'identity:list_mappings'),
    Route('GET', _MAPPING, federation.show_mapping, 'identity:get_mapping'),
    Route('PUT', _MAPPING, federation.create_mapping, 'identity:create_mapping', 201, shape=federation.MAPPING),
    Route('PATCH', _MAPPING, federation.update_mapping, 'identity:update_mapping', shape=federation.MAPPING),
    Route('DELETE', _MAPPING, federation.delete_mapping, 'identity:delete_mapping', 204),
    Route(
        'GET',
        '/OS-FEDERATION/service_providers',
        federation.list_service_providers,
        'identity:list_service_providers',
    ),
    Route('GET', _SERVICE, federation.show_service_provider, 'identity:get_service_provider'),
    Route(
        'PUT',
        _SERVICE,
        federation.create_service_provider,
        'identity:create_service_provider',
        201,
        shape=federation.CREATE_SERVICE_PROVIDER,
    ),
    Route(
        'PATCH',
        _SERVICE,
        federation.update_service_provider,
        'identity:update_service_provider',
        shape=federation.UPDATE_SERVICE_PROVIDER,
    ),
    Route('DELETE', _SERVICE, federation.delete_service_provider, 'identity:delete_service_provider', 204),
)


def _logins() -> Iterator[Route]:
    """The routes for GET and POST: a browser posts where an identity provider returns it by a form."""
    for method in ('GET', 'POST'):
        yield Route(method, _PROTOCOL + '/auth', login.authenticate, None, 201, open=True, raw=True)
        yield Route(method, '/auth/OS-FEDERATION/websso/{protocol_id}', login.websso, None, open=True, raw=True)
        path = '/auth' + _PROTOCOL + '/websso'
        yield Route(method, path, login.websso_of, None, open=True, raw=True)


FEDERATION = (
    *NOUNS,
    *_logins(),
    Route('GET', '/OS-FEDERATION/projects', tokens.list_projects, None),
    Route('GET', '/OS-FEDERATION/domains', tokens.list_domains, None),
)
