"""Whole numbers as requests spell them: in queries, headers and bodies."""

import re
from typing import Any

from nimbus.common import errors

MOST = 2**63 - 1  # what every database keeps and every JSON encoder writes
_SPELT = re.compile(r'-?[0-9]{1,19}')  # longer ones are above MOST, and reading them costs their length squared


def read(given: Any) -> int | None:
    """The number that ASCII digits, or a number of JSON, stand for; None where they are none within MOST."""
    if isinstance(given, str):
        found = int(given) if _SPELT.fullmatch(given) else None
    elif isinstance(given, float):
        found = int(given) if given.is_integer() else None
    else:
        found = given if isinstance(given, int) and not isinstance(given, bool) else None
    return found if found is not None and -MOST <= found <= MOST else None


def whole(given: Any, name: str, least: int = 0, most: int = MOST) -> int:
    """The number in the field `name`, within the bounds.  Raises Invalid, naming both."""
    found = read(given)
    if found is None or not least <= found <= most:
        bounds = f'of at least {least}' if most == MOST else f'from {least} to {most}'
        raise errors.Invalid(
            f'Invalid input for field/attribute {name}. Value: {str(given)[:40]}. It must be a whole number {bounds}.'
        )
    return found
