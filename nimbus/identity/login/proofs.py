"""The values that an authentication method takes and returns: the request, an assertion, a proof."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from typing import Any

from nimbus.identity.tokens.payload import Claims

# Methods by which users themselves log in.  A token by any other is a delegation, and gets no further token.
PRIMARY = frozenset({'external', 'kerberos', 'mapped', 'openid', 'password', 'saml2', 'token', 'totp', 'x509'})


@dataclasses.dataclass(frozen=True)
class VerifiedAssertion:
    """A verified assertion of an identity provider."""

    issuer: str
    attributes: dict[str, list[str]]
    ends: datetime.datetime | None = None  # when every token made from it expires at the latest


@dataclasses.dataclass(frozen=True)
class Asked:
    """The HTTP request of a login, for the methods that verify its signature or read its headers."""

    method: str = 'POST'
    url: str = ''  # as the client sent it, with scheme and host
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)  # by their names, Capitalized-Like-This
    peer: str = ''  # the peer address of the connection
    vouched: VerifiedAssertion | None = None  # the verified SAML assertion in its body


@dataclasses.dataclass(frozen=True)
class Proof:
    """The result of one authentication method: the user, and what restricts the token."""

    user_id: str
    methods: tuple[str, ...]
    parent: Claims | None = None  # the claims of a token used to log in
    credential: Any = None  # the row of the application credential
    options: dict[str, Any] | None = None  # of the user, where they were read already
    marks: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # fields of Claims that the token keeps
    ends: datetime.datetime | None = None  # when a token by this proof expires at the latest
    scope: tuple[str, str] | None = None  # the only scope such a token has, whichever was requested


Method = Callable[[dict[str, Any], Asked], Proof]
