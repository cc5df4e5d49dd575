"""Verifies OAuth 1 signatures with oauthlib; imported with the first signed request, as few clouds get one."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

import oauthlib.common
from oauthlib import oauth1
from oauthlib.oauth1.rfc5849.utils import parse_authorization_header

from nimbus.identity.oauth.oauth1_tokens import LENGTH, LETTERS

HEX = frozenset('abcdef0123456789')
ID_LENGTH = 32
MAX_NONCE = 255
NOBODY = '0' * ID_LENGTH  # an unknown consumer's signature is checked too, so that time reveals nothing


class _Validator(oauth1.RequestValidator):
    """The request validator of oauthlib, with the secrets of the consumer and token that a request names."""

    enforce_ssl = False  # TLS ends in front of us
    # Secrets are shared, so RSA cannot be used, and PLAINTEXT would send them over the network.
    allowed_signature_methods = (
        oauth1.SIGNATURE_HMAC_SHA1,
        oauth1.SIGNATURE_HMAC_SHA256,
        oauth1.SIGNATURE_HMAC_SHA512,
    )
    dummy_client = dummy_request_token = dummy_access_token = NOBODY

    def __init__(self, client: str | None, token: str | None, verifier: str | None) -> None:
        super().__init__()
        self._client, self._token, self._verifier = client, token, verifier

    def check_client_key(self, client_key: str) -> bool:
        return _is_id(client_key)

    def check_request_token(self, request_token: str) -> bool:
        return _is_id(request_token)

    def check_access_token(self, request_token: str) -> bool:
        return _is_id(request_token)

    def check_nonce(self, nonce: str) -> bool:
        return HEX.issuperset(nonce) and len(nonce) <= MAX_NONCE

    def check_verifier(self, verifier: str) -> bool:
        return len(verifier) == LENGTH and set(verifier) <= set(LETTERS)

    def validate_timestamp_and_nonce(self, *_: Any, **__: Any) -> bool:
        return True  # oauthlib has checked the timestamp; the nonce is checked last, when all else is valid

    def validate_client_key(self, *_: Any) -> bool:
        return self._client is not None

    def validate_request_token(self, *_: Any) -> bool:
        return self._token is not None

    def validate_access_token(self, *_: Any) -> bool:
        return self._token is not None

    def validate_verifier(self, _client: str, _token: str, verifier: str, _request: Any) -> bool:
        return hmac.compare_digest(self._verifier or '', verifier)

    def get_client_secret(self, *_: Any) -> str:
        return self._client or NOBODY

    def get_request_token_secret(self, *_: Any) -> str:
        return self._token or NOBODY

    def get_access_token_secret(self, *_: Any) -> str:
        return self._token or NOBODY

    # There are no realms, and the verifier is shown to the user, so that there is no callback.
    def get_default_realms(self, *_: Any) -> list[str]:
        return []

    def get_realms(self, *_: Any) -> list[str]:
        return []

    def check_realms(self, *_: Any) -> bool:
        return True

    def validate_requested_realms(self, *_: Any) -> bool:
        return True

    def validate_realms(self, *_: Any, **__: Any) -> bool:
        return True

    def validate_redirect_uri(self, *_: Any) -> bool:
        return True

    # Tokens are made and stored elsewhere, in the transaction that uses up what they are exchanged for.
    def save_request_token(self, *_: Any) -> None:
        return None

    def save_access_token(self, *_: Any) -> None:
        return None

    def invalidate_request_token(self, *_: Any) -> None:
        return None


def _is_id(text: str) -> bool:
    return len(text) == ID_LENGTH and HEX.issuperset(text)


def parameters(authorization: str) -> dict[str, str] | None:
    """The parameters of the header, None when it is not an OAuth header."""
    try:
        return dict(parse_authorization_header(authorization))
    except ValueError:
        return None


def asks(url: str, headers: Mapping[str, str], client: str | None) -> dict[str, str] | None:
    """Checks a request for a request token: {} when valid, None when the signature is wrong, else oauthlib's error."""
    endpoint = oauth1.RequestTokenEndpoint(_Validator(client, None, None))
    return _said(endpoint.create_request_token_response, url, headers)


def exchanges(
    url: str, headers: Mapping[str, str], client: str | None, token: str | None, verifier: str | None
) -> dict[str, str] | None:
    """Checks a request for an access token, with results as those of `asks`."""
    endpoint = oauth1.AccessTokenEndpoint(_Validator(client, token, verifier))
    return _said(endpoint.create_access_token_response, url, headers)


def is_good(url: str, headers: Mapping[str, str], client: str | None, token: str | None) -> bool:
    """Whether the request is signed with the secrets of the consumer and its access token."""
    endpoint = oauth1.ResourceEndpoint(_Validator(client, token, None))
    try:
        return endpoint.validate_protected_resource_request(url, 'POST', '', dict(headers))[0]
    except ValueError:  # the URL is not valid, or its query cannot be parsed
        return False


def _said(check: Callable[..., Any], url: str, headers: Mapping[str, str]) -> dict[str, str] | None:
    try:
        answer = check(url, 'POST', '', dict(headers))[1]
    except ValueError:  # the URL is not valid, or its query cannot be parsed
        return None
    if not answer:
        return None
    given = oauthlib.common.extract_params(answer)
    return {name: value for name, value in given or () if not name.startswith('oauth_')}
