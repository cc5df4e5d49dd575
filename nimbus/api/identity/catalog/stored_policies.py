"""`/v3/policies`, and their associations with endpoints, services and regions: OS-ENDPOINT-POLICY."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.identity.catalog.catalog import Endpoint
from nimbus.api.kit.fields import CREATE, READ, UPDATE, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.identity.catalog import stored_policies as stored


class StoredPolicy(wire.KeystoneNoun):
    """A policy document that is stored for a service."""

    one, many, beside = 'policy', 'policies', (CREATE, UPDATE)
    id = Text(READ)
    type = Text(READ, CREATE, UPDATE, max=255, required=True, filter=True)
    blob = Text(READ, CREATE, UPDATE, max=65535, required=True)


def index(call: Call) -> dict[str, Any]:
    """GET /policies."""
    page = wire.page_of(call, StoredPolicy)
    with call.db.read() as tx:
        return wire.many(call, StoredPolicy, stored.find(tx, page), page)


def show(call: Call, policy_id: str) -> dict[str, Any]:
    """GET /policies/{policy_id}."""
    with call.db.read() as tx:
        return wire.one(call, StoredPolicy, stored.show(tx, policy_id))


def create(call: Call) -> Reply:
    """POST /policies."""
    given, extra = wire.split(call, StoredPolicy)
    with wire.writing(call) as tx:
        policy_id = stored.create(tx, given, extra)
        return Reply(wire.one(call, StoredPolicy, stored.show(tx, policy_id)), 201)


def update(call: Call, policy_id: str) -> dict[str, Any]:
    """PATCH /policies/{policy_id}."""
    wire.require_change(call)
    wire.same_id(call, policy_id)
    given, extra = wire.split(call, StoredPolicy)
    with wire.writing(call) as tx:
        stored.update(tx, policy_id, given, extra)
        return wire.one(call, StoredPolicy, stored.show(tx, policy_id))


def delete(call: Call, policy_id: str) -> None:
    """DELETE /policies/{policy_id}."""
    with wire.writing(call) as tx:
        stored.delete(tx, policy_id)


def associate(call: Call, policy_id: str, **target: str) -> None:
    """PUT /policies/{policy_id}/OS-ENDPOINT-POLICY/...: an endpoint, a service, or a service in a region."""
    with wire.writing(call) as tx:
        stored.associate(tx, policy_id, target)


def check(call: Call, policy_id: str, **target: str) -> None:
    """GET /policies/{policy_id}/OS-ENDPOINT-POLICY/..."""
    with call.db.read() as tx:
        stored.check(tx, policy_id, target)


def dissociate(call: Call, policy_id: str, **target: str) -> None:
    """DELETE /policies/{policy_id}/OS-ENDPOINT-POLICY/..."""
    with wire.writing(call) as tx:
        stored.dissociate(tx, policy_id, target)


def list_endpoints(call: Call, policy_id: str) -> dict[str, Any]:
    """GET /policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints."""
    with call.db.read() as tx:
        return wire.many(call, Endpoint, stored.endpoints_of(tx, policy_id))


def of_endpoint(call: Call, endpoint_id: str) -> dict[str, Any]:
    """GET /endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy."""
    with call.db.read() as tx:
        return wire.one(call, StoredPolicy, stored.of_endpoint(tx, endpoint_id))
