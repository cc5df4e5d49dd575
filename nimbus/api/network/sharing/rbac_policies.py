"""RBAC policies over HTTP: what shares a noun with one project or with every one."""

import uuid
from typing import Any

from nimbus.api.kit.fields import CREATE, READ, UPDATE
from nimbus.api.kit.routes import Call
from nimbus.api.network import values
from nimbus.api.network.attributes import BOTH, Given, NeutronNoun, attribute
from nimbus.api.network.resources import Resource
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.network import access
from nimbus.network.sharing import rbac_policies

LONGEST = 255


def _refused(sentence: str) -> errors.Invalid:
    return errors.Invalid(f'Invalid input for operation: {sentence}.', type='InvalidInput')


def object_type(value: Any) -> str:
    """A kind of noun that can be shared.  Raises Invalid in Neutron's own words."""
    word = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(word, str) or word not in rbac_policies.KINDS:
        raise _refused(f"'{str(value)[:80]}' is not a valid RBAC object type")
    return word


def target(value: Any) -> str:
    """A project's id, or '*' for every project.  Raises Invalid in Neutron's own words."""
    text = str(value)
    try:
        if not isinstance(value, str) or text != access.EVERYONE and len(uuid.UUID(text).hex) != 32:
            raise ValueError
    except ValueError:
        raise _refused(
            f"'{text[:80]}' is not a valid target project ID; expected a UUID or '{access.EVERYONE}'"
        ) from None
    return value if isinstance(value, str) else text


class RbacPolicy(NeutronNoun):
    """A policy: the object may be used by the target in the way of the action."""

    one, many = 'rbac_policy', 'rbac_policies'
    tagged = False

    id = attribute()
    project_id = attribute(READ, CREATE, take=values.text(64))
    tenant_id = attribute(source='project_id')
    object_type = attribute(READ, CREATE, take=object_type, required=True)
    object_id = attribute(READ, CREATE, take=values.uuid, required=True)
    target_tenant = attribute(
        *BOTH, take=target, source='target_project', required=True, ruled=(CREATE, UPDATE), weighty=True
    )
    action = attribute(READ, CREATE, take=values.text(LONGEST), required=True)


def wildcard(given: Given) -> dict[str, Any]:
    """The part of a policy rule's target that says whether every project is meant."""
    return {'wildcard': given.get('target_project') == access.EVERYONE}


def change(call: Call, tx: db.Tx, row: Any, given: Given) -> None:
    """The policy has the other target."""
    rbac_policies.update(tx, call.context, row.id, **given)


RBAC_POLICIES = Resource(
    noun=RbacPolicy,
    find=rbac_policies.find,
    show_row=rbac_policies.show,
    children=lambda call, tx, rows: {},
    draft=lambda parent, given: wildcard(given),
    add=lambda call, tx, given, parent: rbac_policies.create(tx, call.context, **given),
    change=change,
    remove=lambda call, tx, row: rbac_policies.delete(tx, call.context, row.id),
    target=lambda tx, row: {},
    wish=wildcard,
)
