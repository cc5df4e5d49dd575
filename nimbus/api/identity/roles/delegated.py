"""What a delegated token may not do: create trusts, application credentials and other delegations."""

from typing import Any

from nimbus.api.identity.authentication import authority
from nimbus.api.kit.routes import Call
from nimbus.common import errors
from nimbus.identity.login.ec2 import METHOD as BY_EC2
from nimbus.identity.tokens.subjects import Subject


def subject_of(call: Call) -> Subject | None:
    """The subject of the asker's token, None when there is none."""
    return authority(call).validator.entry(call.context.token).subject if call.context.token else None


def trust_of(call: Call) -> Any:
    """The trust of the asker's token, None when it is not trust-scoped."""
    subject = subject_of(call)
    return subject.trust if subject else None


def _by_key(subject: Subject) -> bool:
    """Whether the token was made by an EC2 key, OAuth or a certificate."""
    claims = subject.claims
    return BY_EC2 in claims.methods or bool(claims.access_token_id or claims.thumbprint)


def is_lent(call: Call) -> bool:
    """Whether the asker's token was made by a trust, an application credential, OAuth or an EC2 key."""
    subject = subject_of(call)
    return subject is not None and (subject.trust is not None or subject.credential is not None or _by_key(subject))


def refuse_every(call: Call, sentence: str) -> None:
    """Raises Forbidden with the given sentence when the asker's token is delegated."""
    if is_lent(call):
        raise errors.Forbidden(sentence)


def refuse_credential(call: Call) -> None:
    """Raises Forbidden when the asker's token was made by an application credential, OAuth or an EC2 key."""
    subject = subject_of(call)
    if subject is not None and (subject.credential is not None or _by_key(subject)):
        raise errors.Forbidden(
            'You are not authorized to perform the requested action: Delegated tokens cannot manage trusts.'
        )


def refuse_trust(call: Call) -> None:
    """Raises Forbidden when the asker's token was made by a trust, OAuth or an EC2 key."""
    subject = subject_of(call)
    if subject is not None and (subject.trust is not None or _by_key(subject)):
        raise errors.Forbidden('Cannot manage application credentials with a token issued via delegation.')
