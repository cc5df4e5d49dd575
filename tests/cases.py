"""The cases of a test, of which those that show little more than others are long."""

from collections.abc import Callable
from typing import Any

import pytest


def one_first(*values: Any) -> list[Any]:
    """The values as a test's parameters; every one but the first is long."""
    return one_of_each([(value,) for value in values], lambda _value: None)


def one_of_each(cases: list[tuple], kind: Callable[..., Any]) -> list[Any]:
    """The cases as a test's parameters; of those of one kind, every one but the first is long."""
    seen, made = set(), []
    for case in cases:
        found = kind(*case)
        made.append(pytest.param(*case, marks=[pytest.mark.long] if found in seen else []))
        seen.add(found)
    return made
