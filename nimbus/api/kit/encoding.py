"""Encodes responses as JSON, including integers of any size, NaN and lone surrogates."""

import json
import math
from typing import Any

import orjson


def encode(value: Any) -> bytes:
    """The value as JSON; an integer of more than 64 bits or half a surrogate pair takes a slower encoder."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return json.dumps(_finite(value), default=_plain, separators=(',', ':')).encode()


def _finite(value: Any) -> Any:
    """The value with null for NaN and infinity, as the quick encoder writes them."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """What the quick encoder makes of a type that the slower one does not know, as a datetime or a UUID."""
    return orjson.loads(orjson.dumps(value))
