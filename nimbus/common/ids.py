"""Ids in the forms that the APIs use: UUIDs, 32 hexadecimal digits, request ids."""

import re
import uuid

UUID = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z', re.IGNORECASE)


def dashed() -> str:
    """A new random id in the form most services use."""
    return str(uuid.uuid4())


def plain() -> str:
    """A new random id of 32 hexadecimal digits, the form identity uses."""
    return uuid.uuid4().hex


def request() -> str:
    """A new request id."""
    return f'req-{uuid.uuid4()}'


def derived(job_id: str, *parts: object) -> str:
    """An id that is the same every time the same job asks for the same parts."""
    return str(uuid.uuid5(uuid.UUID(job_id), '/'.join(map(str, parts))))


def is_uuid(value: object) -> bool:
    """Whether `value` is a dashed UUID."""
    return isinstance(value, str) and UUID.match(value) is not None
