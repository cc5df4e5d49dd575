"""JSON on its way out, whatever numbers and letters stand in it."""

import json
from typing import Any

import orjson


def encode(value: Any) -> bytes:
    """The value as JSON; an integer of more than 64 bits or half a surrogate pair takes a slower encoder."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return json.dumps(value, default=_plain, separators=(',', ':')).encode()


def _plain(value: Any) -> Any:
    """What the quick encoder makes of a value that only it knows, as a moment or a UUID."""
    return orjson.loads(orjson.dumps(value))
