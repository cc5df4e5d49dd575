"""The endpoints of OAuth 1 and 2."""

from nimbus.api.identity.oauth import oauth1_consumers as consumers
from nimbus.api.identity.oauth import oauth1_tokens as tokens
from nimbus.api.identity.oauth import oauth2
from nimbus.api.kit.routes import Route

_CONSUMER = '/OS-OAUTH1/consumers/{consumer_id}'
_ACCESS_TOKENS = '/users/{user_id}/OS-OAUTH1/access_tokens'
_ACCESS_TOKEN = _ACCESS_TOKENS + '/{access_token_id}'
OAUTH1 = (
    Route('GET', '/OS-OAUTH1/consumers', consumers.index, 'identity:list_consumers'),
    Route('POST', '/OS-OAUTH1/consumers', consumers.create, 'identity:create_consumer', 201, shape=consumers.CREATE),
    Route('GET', _CONSUMER, consumers.show, 'identity:get_consumer'),
    Route('PATCH', _CONSUMER, consumers.update, 'identity:update_consumer', shape=consumers.UPDATE),
    Route('DELETE', _CONSUMER, consumers.delete, 'identity:delete_consumer', 204),
    Route('POST', '/OS-OAUTH1/request_token', tokens.create_request_token, None, 201, open=True),
    Route(
        'PUT',
        '/OS-OAUTH1/authorize/{request_token_id}',
        tokens.authorize,
        'identity:authorize_request_token',
        shape=tokens.AUTHORIZE,
    ),
    Route('POST', '/OS-OAUTH1/access_token', tokens.create_access_token, None, 201, open=True),
    Route('GET', _ACCESS_TOKENS, tokens.index, 'identity:list_access_tokens'),
    Route('GET', _ACCESS_TOKEN, tokens.show, 'identity:get_access_token'),
    Route('DELETE', _ACCESS_TOKEN, tokens.delete, 'identity:delete_access_token', 204),
    Route('GET', _ACCESS_TOKEN + '/roles', tokens.list_roles, 'identity:list_access_token_roles'),
    Route('GET', _ACCESS_TOKEN + '/roles/{role_id}', tokens.show_role, 'identity:get_access_token_role'),
)

_TOKEN = '/OS-OAUTH2/token'
OAUTH2 = (
    Route('POST', _TOKEN, oauth2.issue, None, open=True, raw=True),
    # Refused with the error format of OAuth 2.
    *(Route(method, _TOKEN, oauth2.refuse, None, 405, open=True, raw=True) for method in oauth2.REFUSED),
)

OAUTH = (*OAUTH1, *OAUTH2)
