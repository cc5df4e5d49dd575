"""Groups of servers over HTTP (/os-server-groups)."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Listing, Mapping, Noun, Shape, Text
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.common import numbers
from nimbus.compute.servers import groups

HARD = [groups.ANTI_AFFINITY, groups.AFFINITY]
BEFORE_RULES: Version = (2, 63)


class Group(Noun):
    """A group of servers."""

    one, many = 'server_group', 'server_groups'
    id = Text()
    name = Text()
    policies = Listing(source=lambda row, call: [row.policy], until=BEFORE_RULES)
    metadata = Mapping(source=lambda row, call: {}, until=BEFORE_RULES)
    policy = Text(since=microversions.GroupRules.number)
    rules = Mapping(since=microversions.GroupRules.number)
    members = Listing(source=lambda row, call: call.given['members'].get(row.id, []))
    project_id = Text(since=microversions.OwnersOfGroups.number)
    user_id = Text(since=microversions.OwnersOfGroups.number)


class CreateShapes:
    """The shape of a new group, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        names = HARD if version < microversions.SoftPolicies.number else [*HARD, *groups.POLICIES[2:]]
        fields: dict[str, Any] = {'name': shapes.NAME}
        if version >= microversions.GroupRules.number:
            fields['policy'] = {'type': 'string', 'enum': names}
            fields['rules'] = shapes.closed({groups.MOST: shapes.number(1)})
            return shapes.under('server_group', shapes.closed(fields, ['name', 'policy']))
        items = {'type': 'string', 'enum': names}
        fields['policies'] = {'type': 'array', 'items': items, 'minItems': 1, 'maxItems': 1}
        return shapes.under('server_group', shapes.closed(fields, ['name', 'policies']))


def index(call: Call) -> dict[str, Any]:
    """The groups of the project; an operator may ask for all there are."""
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, 'all_projects', 'limit', 'offset')
    part = paging.part(call)
    every = call.arg('all_projects') is not None and call.allows(f'{policies.API}os-server-groups:index:all_projects')
    with call.db.read() as tx:
        rows = groups.find(tx, call.context, every=every, offset=part.start, limit=part.stop - part.start)
        call.given['members'] = groups.shown_members(tx, [row.id for row in rows])
    return call.views(Group, rows)


def show(call: Call, id: str) -> dict[str, Any]:
    """One group."""
    with call.db.read() as tx:
        row = groups.show(tx, call.context, id)
        call.given['members'] = groups.shown_members(tx, [row.id])
    return call.view(Group, row)


def create(call: Call) -> dict[str, Any]:
    """The new group."""
    given = call.body['server_group']
    rules = given.get('rules') or {}
    most = numbers.whole(rules[groups.MOST], groups.MOST, least=1, most=shapes.MAX_INT) if rules else None
    policy = given['policy'] if 'policy' in given else given['policies'][0]
    with call.db.write() as tx:
        row = groups.create(tx, call.context, given['name'], policy, most)
    call.given = {'members': {}}
    return call.view(Group, row)


def delete(call: Call, id: str) -> None:
    """204: the group is gone; its servers stay."""
    with call.db.write() as tx:
        groups.delete(tx, call.context, id)
