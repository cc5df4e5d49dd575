"""What a token that was only lent may not do: make more of what lends."""

from typing import Any

from nimbus.api.identity.tokens import authority
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.identity.ec2 import METHOD as BY_EC2
from nimbus.identity.subjects import Subject


def subject_of(call: Call) -> Subject | None:
    """The subject of the asker's token, None when nothing is known of one."""
    return authority(call).validator.entry(call.context.token).subject if call.context.token else None


def trust_of(call: Call) -> Any:
    """The trust that the asker's token came by, None when it came otherwise."""
    subject = subject_of(call)
    return subject.trust if subject else None


def _by_key(subject: Subject) -> bool:
    return BY_EC2 in subject.claims.methods


def is_lent(call: Call) -> bool:
    """Whether the asker's token came by a trust, an application credential or an EC2 key, and not of a login."""
    subject = subject_of(call)
    return subject is not None and (subject.trust is not None or subject.credential is not None or _by_key(subject))


def refuse_credential(call: Call) -> None:
    """Raises Forbidden when the asker's token came by an application credential or an EC2 key."""
    subject = subject_of(call)
    if subject is not None and (subject.credential is not None or _by_key(subject)):
        raise errors.Forbidden(
            'You are not authorized to perform the requested action: Delegated tokens cannot manage trusts.'
        )


def refuse_trust(call: Call) -> None:
    """Raises Forbidden when the asker's token came by a trust or an EC2 key."""
    subject = subject_of(call)
    if subject is not None and (subject.trust is not None or _by_key(subject)):
        raise errors.Forbidden('Cannot manage application credentials with a token issued via delegation.')
