"""What a token that was only lent may not do: make more of what lends."""

from typing import Any

from nimbus.api.identity.tokens import authority
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.identity.subjects import Subject


def subject_of(call: Call) -> Subject | None:
    """The subject of the asker's token, None when nothing is known of one."""
    return authority(call).validator.entry(call.context.token).subject if call.context.token else None


def trust_of(call: Call) -> Any:
    """The trust that the asker's token came by, None when it came otherwise."""
    subject = subject_of(call)
    return subject.trust if subject else None


def refuse_credential(call: Call) -> None:
    """Raises Forbidden when the asker's token came by an application credential."""
    subject = subject_of(call)
    if subject is not None and subject.credential is not None:
        raise errors.Forbidden(
            'You are not authorized to perform the requested action: Delegated tokens cannot manage trusts.'
        )


def refuse_trust(call: Call) -> None:
    """Raises Forbidden when the asker's token came by a trust."""
    if trust_of(call) is not None:
        raise errors.Forbidden('Cannot manage application credentials with a token issued via delegation.')
