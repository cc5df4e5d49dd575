"""Replay protection of SAML assertions: each is accepted once, by whichever process of identity."""

import datetime

from nimbus.common import errors
from nimbus.common.database import db
from nimbus.identity import lists
from nimbus.identity.models_federation import UsedAssertion
from nimbus.identity.saml.consumer import SamlAssertion, refused


def use(tx: db.Tx, heard: SamlAssertion, now: datetime.datetime) -> None:
    """The assertion is recorded as used until it expires.  Raises Unauthenticated when it was used before."""
    tx.delete(UsedAssertion, UsedAssertion.until < now)
    try:
        lists.add(tx, UsedAssertion, '', mark=heard.mark, until=heard.until)
    except errors.Conflict:
        raise refused('was used before') from None
