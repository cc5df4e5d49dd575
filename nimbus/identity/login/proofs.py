"""What a method of logging in is given, and what it shows."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from typing import Any

from nimbus.identity.tokens.payload import Claims

# Methods by which users themselves log in.  A token by any other was lent for something, and gets no further token.
PRIMARY = frozenset({'external', 'kerberos', 'mapped', 'openid', 'password', 'saml2', 'token', 'totp', 'x509'})


@dataclasses.dataclass(frozen=True)
class Vouched:
    """What an identity provider says of somebody, checked already."""

    issuer: str
    attributes: dict[str, list[str]]
    ends: datetime.datetime | None = None  # when whatever came of it ends at the latest


@dataclasses.dataclass(frozen=True)
class Asked:
    """The request a login came with, for the methods that sign or read it."""

    method: str = 'POST'
    url: str = ''  # as the client wrote it, with scheme and host
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)  # by their names, Spelt-Like-This
    peer: str = ''  # the address that the connection is from
    vouched: Vouched | None = None  # for it, by an assertion in its body


@dataclasses.dataclass(frozen=True)
class Proof:
    """What one method showed."""

    user_id: str
    methods: tuple[str, ...]
    parent: Claims | None = None  # of the token that was shown
    credential: Any = None  # of the application credential
    options: dict[str, Any] | None = None  # of the user, where they were read already
    marks: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # fields of Claims that the token keeps
    ends: datetime.datetime | None = None  # when a token by this proof ends at the latest
    scope: tuple[str, str] | None = None  # the only one such a token has, whichever was asked for


Method = Callable[[dict[str, Any], Asked], Proof]
