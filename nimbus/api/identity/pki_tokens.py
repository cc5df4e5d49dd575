"""The removed endpoints of PKI tokens, which are answered with Gone or Forbidden."""

from nimbus.api.kit.routes import Call, Route
from nimbus.common import errors


def signing_certificate(call: Call) -> None:
    """GET /OS-SIMPLE-CERT/ca and /OS-SIMPLE-CERT/certificates.  Raises Gone."""
    raise errors.Gone('This API is no longer available due to the removal of support for PKI tokens.')


def revocation_list(call: Call) -> None:
    """GET /auth/tokens/OS-PKI/revoked: there is no list of revoked tokens.  Raises Forbidden."""
    raise errors.Forbidden('You are not authorized to perform the requested action.')


# The answer is the same with a token or without.
RETIRED = (
    Route('GET', '/OS-SIMPLE-CERT/ca', signing_certificate, None, open=True),
    Route('GET', '/OS-SIMPLE-CERT/certificates', signing_certificate, None, open=True),
    Route('GET', '/auth/tokens/OS-PKI/revoked', revocation_list, None, open=True),
)
