"""Options of compute's nouns."""

from typing import Any

OPTIONS: dict[str, list[Any]] = {}
