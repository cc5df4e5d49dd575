"""Answers that say when what they show was changed, and are not to be kept."""

import datetime
import email.utils
from typing import Any

from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement.microversions import Dates
from nimbus.common import clock


def dated(call: Call, body: Any, *moments: datetime.datetime | None, status: int | None = None) -> Reply:
    """The answer, with the newest of the moments, or now where there is none, from the version on that has dates."""
    headers = []
    if call.speaks(Dates):
        newest = max((moment for moment in moments if moment), default=None) or clock.Clock().now()
        told = email.utils.format_datetime(newest.replace(tzinfo=datetime.UTC), usegmt=True)
        headers = [('Last-Modified', told), ('Cache-Control', 'no-cache')]
    return Reply(body, status=status, headers=headers)
