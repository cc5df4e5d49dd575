"""Conditions by regular expressions that users give."""

import re
from typing import Any

# A pattern is run by the database on every row: one with groups, or with many quantifiers, can take for ever.
PATTERN = re.compile(r'[^(){}|]*\Z')
MAX_QUANTIFIERS = 3
MAX_PATTERN = 255


def matches(column: Any, pattern: str) -> Any:
    """The column matches the regular expression, or contains the text where it is none that is safe to run."""
    if not re.search(r'[\\.^$*+?\[\]]', pattern):
        return column.contains(pattern, autoescape=True)
    safe = len(pattern) <= MAX_PATTERN and PATTERN.match(pattern)
    if safe and len(re.findall(r'[*+?]', pattern)) <= MAX_QUANTIFIERS:
        try:
            re.compile(pattern)
            return column.regexp_match(pattern)
        except re.error:
            pass
    return column.contains(pattern, autoescape=True)
