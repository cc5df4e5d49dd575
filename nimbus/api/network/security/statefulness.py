"""Default statefulness of security groups over HTTP."""

from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, READ
from nimbus.api.kit.routes import Call
from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, Given, NeutronNoun, attribute, bad
from nimbus.api.network.resources import Resource
from nimbus.common.database import db
from nimbus.network.security_groups import statefulness


def _owner(row: Any, call: Any) -> str | None:
    return None if row.project_id == statefulness.EVERYONE else row.project_id


class Statefulness(NeutronNoun):
    """Whether new groups of a project, or of all, are stateful where nobody says."""

    one = many = 'security_groups_default_statefulness'
    tagged = False

    id = attribute()
    project_id = attribute(READ, CREATE, take=values.maybe(values.text(64)), source=_owner, filter=False)
    stateful = attribute(*BOTH, take=values.flag, default=True)


def mark(wanted: Sequence[Given]) -> None:
    """What names null as its project is meant for every one."""
    for given in wanted:
        if 'project_id' in given.sent and given['project_id'] is None:
            given['everyone'] = True


def add(call: Call, tx: db.Tx, given: Given, parent: Any) -> str:
    """A setting stands as requested."""
    if 'everyone' not in given:
        return statefulness.create(tx, given['project_id'], given['stateful'])
    if not call.context.is_admin:
        raise bad("A default for every project ('project_id' is null) needs an operator's rights.")
    return statefulness.create(tx, statefulness.EVERYONE, given['stateful'])


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The setting has the value."""
    statefulness.update(tx, row, given.get('stateful', row.stateful))


STATEFULNESS = Resource(
    noun=Statefulness,
    find=statefulness.find,
    show_row=statefulness.show,
    children=lambda call, tx, rows: {},
    add=add,
    change=change,
    remove=lambda call, tx, row: statefulness.delete(tx, row),
    target=lambda tx, row: {},
    before_create=mark,
)
