"""`/v3/roles`, and which roles imply others."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.people.domains import IMMUTABLE
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Mapping, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.identity.roles import roles


class Role(wire.KeystoneNoun):
    """A role."""

    one, many = 'role', 'roles'
    id = Text(READ)
    name = Text(READ, CREATE, UPDATE, min=1, max=255, pattern=r'[\S]+', required=True, filter=True, sort=True)
    domain_id = Text(
        READ, CREATE, UPDATE, min=1, max=64, null=True, filter=True, source=lambda row, _: row.domain_id or None
    )
    description = Text(READ, CREATE, UPDATE, max=255, null=True)
    options = Mapping(READ, CREATE, UPDATE, schema=IMMUTABLE)


def target(row: Any) -> dict[str, Any]:
    """The attributes of a role that policy rules may use."""
    return {'role__id': row.id, 'role__name': row.name, 'role__domain_id': row.domain_id or None}


def index(call: Call) -> dict[str, Any]:
    """GET /roles; domain-specific roles are listed only with the filter `domain_id`."""
    page = wire.page_of(call, Role)
    wire.check(call, 'list_domain_roles' if page.filters.get('domain_id') else 'list_roles')
    with call.db.read() as tx:
        return wire.many(call, Role, roles.find(tx, page), page)


def _found(call: Call, tx: Any, verb: str, role_id: str) -> Any:
    """The role's row, if policy allows it.  Raises NotFound before Forbidden, as Keystone does."""
    row = roles.show(tx, role_id)
    wire.check(call, f'{verb}_domain_role' if row.domain_id else f'{verb}_role', **target(row))
    return row


def show(call: Call, role_id: str) -> dict[str, Any]:
    """GET /roles/{role_id}."""
    with call.db.read() as tx:
        return wire.one(call, Role, _found(call, tx, 'get', role_id))


def create(call: Call) -> Reply:
    """POST /roles."""
    given, extra = wire.split(call, Role)
    wire.check(call, 'create_domain_role' if given.get('domain_id') else 'create_role')
    with wire.writing(call) as tx:
        role_id = roles.create(tx, given, extra)
        return Reply(wire.one(call, Role, roles.show(tx, role_id)), 201)


def update(call: Call, role_id: str) -> dict[str, Any]:
    """PATCH /roles/{role_id}."""
    with wire.writing(call) as tx:
        _found(call, tx, 'update', role_id)
        wire.require_change(call)
        wire.same_id(call, role_id)
        roles.update(tx, role_id, *wire.split(call, Role))
        return wire.one(call, Role, roles.show(tx, role_id))


def delete(call: Call, role_id: str) -> None:
    """DELETE /roles/{role_id}."""
    with wire.writing(call) as tx:
        _found(call, tx, 'delete', role_id)
        roles.delete(tx, role_id)


def _brief(call: Call, row: Any) -> dict[str, Any]:
    return {'id': row.id, 'name': row.name, 'links': {'self': f'{call.root_url}/roles/{row.id}'}}


def _inference(call: Call, prior: Any, implied: Any) -> dict[str, Any]:
    many = isinstance(implied, list)
    given = [_brief(call, row) for row in implied] if many else _brief(call, implied)
    return {'prior_role': _brief(call, prior), 'implies': given}


def _with_link(call: Call, **body: Any) -> dict[str, Any]:
    return {**body, 'links': {'self': f'{call.root_url}{call.path}'}}


def list_implied(call: Call, prior_role_id: str) -> dict[str, Any]:
    """GET /roles/{prior_role_id}/implies."""
    with call.db.read() as tx:
        implied = roles.implied_by(tx, prior_role_id)
        prior = roles.show(tx, prior_role_id)
    return _with_link(call, role_inference=_inference(call, prior, implied))


def show_implied(call: Call, prior_role_id: str, implies_role_id: str) -> Any:
    """GET and HEAD /roles/{prior_role_id}/implies/{implies_role_id}."""
    head = call.environ['REQUEST_METHOD'] == 'HEAD'
    wire.check(call, 'check_implied_role' if head else 'get_implied_role')
    with call.db.read() as tx:
        prior, implied = roles.rule(tx, prior_role_id, implies_role_id)
    return Reply(None, 204) if head else _with_link(call, role_inference=_inference(call, prior, implied))


def imply(call: Call, prior_role_id: str, implies_role_id: str) -> Reply:
    """PUT /roles/{prior_role_id}/implies/{implies_role_id}."""
    with wire.writing(call) as tx:
        roles.imply(tx, prior_role_id, implies_role_id)
        prior, implied = roles.rule(tx, prior_role_id, implies_role_id)
    return Reply(_with_link(call, role_inference=_inference(call, prior, implied)), 201)


def imply_no_more(call: Call, prior_role_id: str, implies_role_id: str) -> None:
    """DELETE /roles/{prior_role_id}/implies/{implies_role_id}."""
    with wire.writing(call) as tx:
        roles.imply_no_more(tx, prior_role_id, implies_role_id)


def list_inferences(call: Call) -> dict[str, Any]:
    """GET /role_inferences."""
    with call.db.read() as tx:
        rules = roles.every_rule(tx)
    return {'role_inferences': [_inference(call, prior, implied) for prior, implied in rules]}
