"""The error classes of nimbus, each a kind; the sentence carries the detail.

No kind knows HTTP: `nimbus.api.kit.faults` gives each its status and envelope.
"""

import json
from typing import Any


class NimbusError(Exception):
    """Base of every error that a user may read; its text is a whole sentence."""

    def __init__(self, sentence: str = '', **facts: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.facts = facts  # what an envelope may add, such as a Neutron error type

    @property
    def inside(self) -> str:
        """What operators read of it: the fact `inside`, which may name hosts, paths and programs, or the sentence."""
        return str(self.facts.get('inside') or self.sentence)

    @property
    def kwargs(self) -> dict[str, Any]:
        """The facts as they cross the bus; oslo.messaging looks for them under this name."""
        given: dict[str, Any] = json.loads(json.dumps(self.facts, default=str))
        return given


class Invalid(NimbusError):
    """The request breaks the published shape or rules."""


class Unauthenticated(NimbusError):
    """The request is not authenticated."""


class Forbidden(NimbusError):
    """The asker may not do that."""


class NotFound(NimbusError):
    """There is no such thing, or the asker may not know of it."""


class NotAllowed(NimbusError):
    """The thing exists and does not answer to that method."""


class NotAcceptable(NimbusError):
    """No supported version of the API was asked for."""


class Conflict(NimbusError):
    """The request conflicts with the thing's present state, or with another thing."""


class WrongState(Conflict):
    """The thing is not in a state that allows the verb."""


class Gone(NimbusError):
    """What was there is not any more and never will be."""


class Precondition(NimbusError):
    """The condition the request was made under does not hold."""


class OverQuota(NimbusError):
    """The project's quota does not leave room for it."""


class TooLarge(NimbusError):
    """The request is larger than the service reads."""


class WrongMedia(NimbusError):
    """The body is of a media type that the operation does not take."""


class Unavailable(NimbusError):
    """A part that is needed is away; asking again later may work."""


class Transient(Unavailable):
    """The database lost this transaction to another or to a restart; the same one may be tried again."""


class NotBuilt(NimbusError):
    """This operation of the API is not part of nimbus."""


class Stale(NimbusError):
    """An order older than one already obeyed; refused so that a late worker changes nothing."""


class NoValidHost(NimbusError):
    """No host can take it; the sentence says what none has, `inside` how many hosts each filter removed."""


def sentence(why: BaseException, request_id: str) -> str:
    """What users may read of any exception: the sentence of a kind of nimbus's own, of others where to look."""
    if isinstance(why, NimbusError) and why.sentence:
        return why.sentence
    return f'An unexpected error happened; the log has more under the request id {request_id}.'


def inside(why: BaseException, request_id: str) -> str:
    """What operators may read of any exception; the text of a library's own stands in the log alone."""
    return (why.inside if isinstance(why, NimbusError) else '') or sentence(why, request_id)
