"""Assertions that were used: each lets its bearer in once, at whichever process of identity."""

import datetime

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import lists
from nimbus.identity.models_federation import UsedAssertion
from nimbus.identity.saml.consumer import Heard, refused


def use(tx: db.Tx, heard: Heard, now: datetime.datetime) -> None:
    """The assertion is used up, and forgotten once it is too old anyway.  Raises Unauthenticated the second time."""
    tx.delete(UsedAssertion, UsedAssertion.until < now)
    try:
        lists.add(tx, UsedAssertion, '', mark=heard.mark, until=heard.until)
    except errors.Conflict:
        raise refused('was used before') from None
