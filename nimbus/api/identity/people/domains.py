"""`/v3/domains`."""

from collections.abc import Iterable
from typing import Any

from nimbus.api.identity import wire
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Flag, Listing, Mapping, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common.database import db
from nimbus.identity import domains
from nimbus.identity.people import projects

TAG = {'type': 'string', 'minLength': 1, 'maxLength': 255, 'pattern': '^[^,/]*$'}
IMMUTABLE = {'properties': {'immutable': {'type': ['boolean', 'null']}}, 'additionalProperties': False}


class Domain(wire.KeystoneNoun):
    """A domain."""

    one, many = 'domain', 'domains'
    dropped = ('is_domain', 'parent_id', 'domain_id')
    id = Text(READ)
    name = Text(READ, CREATE, UPDATE, min=1, max=64, pattern=r'[\S]+', required=True, filter=True, sort=True)
    description = Text(READ, CREATE, UPDATE, max=255, null=True)
    enabled = Flag(READ, CREATE, UPDATE, filter=True)
    options = Mapping(READ, CREATE, UPDATE, schema=IMMUTABLE)
    tags = Listing(READ, CREATE, UPDATE, items=TAG, max=80, unique=True, source=lambda row, call: [])
    explicit_domain_id = Text(CREATE, min=32, max=32, pattern='^[0-9a-f]+$')


def listed(call: Call, tx: db.Tx, rows: Iterable[Any], page: Any = None) -> dict[str, Any]:
    """The rows with their tags."""
    rows = list(rows)
    tags = projects.tags_of(tx, [row.id for row in rows])
    return wire.many(call, Domain, rows, page, lambda *given: {**wire.shown(*given), 'tags': tags[given[2].id]})


def index(call: Call) -> dict[str, Any]:
    """GET /domains."""
    own = call.context.domain_id
    wire.check(call, 'list_domains', domain__id=own or '')
    page = wire.page_of(call, Domain, **({'id': own} if own else {}))
    with call.db.read() as tx:
        return listed(call, tx, domains.find(tx, page), page)


def show(call: Call, domain_id: str) -> dict[str, Any]:
    """GET /domains/{domain_id}."""
    with call.db.read() as tx:
        row = wire.seen(call, 'get_domain', lambda: domains.show(tx, domain_id), lambda row: {'domain__id': row.id})
        return _one(call, tx, row)


def create(call: Call) -> Reply:
    """POST /domains."""
    given, extra = wire.split(call, Domain)
    with wire.writing(call) as tx:
        domain_id = domains.create(tx, given, extra)
        return Reply(_one(call, tx, domains.show(tx, domain_id)), 201)


def update(call: Call, domain_id: str) -> dict[str, Any]:
    """PATCH /domains/{domain_id}."""
    with wire.writing(call) as tx:
        _allow(call, tx, 'update_domain', domain_id)
        wire.require_change(call)
        domains.update(tx, domain_id, *wire.split(call, Domain))
        return _one(call, tx, domains.show(tx, domain_id))


def delete(call: Call, domain_id: str) -> None:
    """DELETE /domains/{domain_id}."""
    with wire.writing(call) as tx:
        _allow(call, tx, 'delete_domain', domain_id)
        domains.delete(tx, domain_id)


def _allow(call: Call, tx: db.Tx, rule: str, domain_id: str) -> None:
    """Raises NotFound before Forbidden, as Keystone does."""
    wire.check(call, rule, domain__id=domains.show(tx, domain_id).id)


def _one(call: Call, tx: db.Tx, row: Any) -> dict[str, Any]:
    return {'domain': {**wire.shown(call, Domain, row), 'tags': projects.tags_of(tx, [row.id])[row.id]}}
