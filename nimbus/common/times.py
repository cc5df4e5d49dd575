"""Times as requests spell them: ISO 8601, with or without an offset."""

import datetime

from nimbus.common import errors

LONGEST = 64  # characters; no time of ISO 8601 needs more
EARLIEST = datetime.datetime(1000, 1, 1)  # the first year that every database compares with
_SECOND = datetime.timedelta(seconds=1)


def read(given: str) -> datetime.datetime | None:
    """The moment in UTC that a text stands for; None where it is none of the years 1 to 9999.

    A date alone is its first moment, a time without an offset is one of UTC.  Before EARLIEST it is EARLIEST.
    """
    if len(given) > LONGEST or not given.isascii():
        return None
    try:
        found = datetime.datetime.fromisoformat(given)
        offset = found.utcoffset()
        found = found.replace(tzinfo=None) - (offset or datetime.timedelta())
    except (ValueError, OverflowError):
        return None
    return max(found, EARLIEST)


def moment(given: str, name: str) -> datetime.datetime:
    """The moment in the field `name`.  Raises Invalid, naming it."""
    found = read(given)
    if found is None:
        raise errors.Invalid(
            f'Invalid input for field/attribute {name}. Value: {given[:40]}. It must be a time of ISO 8601, such as '
            '2030-01-31T12:00:00Z.'
        )
    return found


def second_of(moment: datetime.datetime) -> datetime.datetime:
    """The start of the second that the moment is in."""
    return moment.replace(microsecond=0)


def second_after(moment: datetime.datetime) -> datetime.datetime:
    """The start of the second after the moment's; the last second there is has none after it and is returned."""
    start = second_of(moment)
    return start + _SECOND if start < datetime.datetime.max.replace(microsecond=0) else start
