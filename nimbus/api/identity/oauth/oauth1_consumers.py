"""`/v3/OS-OAUTH1/consumers`."""

from typing import Any

from nimbus.api.identity import wire
from nimbus.api.kit.fields import READ, Shape, Text
from nimbus.api.kit.routes import Call, Reply
from nimbus.common import errors
from nimbus.identity.oauth import oauth1_consumers as consumers

_CONSUMER = {'type': 'object', 'properties': {'description': {'type': ['string', 'null'], 'maxLength': 65535}}}
# No attribute of a consumer is required.
CREATE = Shape({'type': ['object', 'null'], 'properties': {'consumer': _CONSUMER}})
UPDATE = Shape(
    {
        'type': 'object',
        'required': ['consumer'],
        'properties': {'consumer': {**_CONSUMER, 'not': {'required': ['secret']}, 'minProperties': 1}},
    }
)
OWN = ('id', 'secret', 'links', 'description')


class Consumer(wire.KeystoneNoun):
    """A consumer; its secret is shown once."""

    one, many = 'consumer', 'consumers'
    id = Text(READ)
    description = Text(READ)


def _shown(call: Call, _: Any, row: Any) -> dict[str, Any]:
    link = {'self': f'{call.root_url}/OS-OAUTH1/consumers/{row.id}'}
    return {**wire.shown(call, Consumer, row), 'links': link}


def _given(call: Call) -> dict[str, Any]:
    """The consumer's attributes in the body, with ':' and '-' in their names replaced by '_', as in Keystone."""
    given = (call.body or {}).get('consumer', {})
    return {name.replace(':', '_').replace('-', '_'): value for name, value in given.items()}


def _extra(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in OWN}


def index(call: Call) -> dict[str, Any]:
    """GET /OS-OAUTH1/consumers."""
    page = wire.page_of(call, Consumer)
    with call.db.read() as tx:
        return wire.many(call, Consumer, consumers.find(tx, page), page, _shown)


def show(call: Call, consumer_id: str) -> dict[str, Any]:
    """GET /OS-OAUTH1/consumers/{consumer_id}."""
    with call.db.read() as tx:
        return {'consumer': _shown(call, None, consumers.show(tx, consumer_id))}


def create(call: Call) -> Reply:
    """POST /OS-OAUTH1/consumers."""
    given = _given(call)
    with wire.writing(call) as tx:
        consumer_id, secret = consumers.create(tx, given.get('description'), _extra(given))
        body = _shown(call, None, consumers.show(tx, consumer_id))
    return Reply({'consumer': {**body, 'secret': secret}}, 201)


def update(call: Call, consumer_id: str) -> dict[str, Any]:
    """PATCH /OS-OAUTH1/consumers/{consumer_id}: its description and extra attributes."""
    given = _given(call)
    if given.get('id') not in (None, consumer_id):
        raise errors.Invalid('Cannot change ID')
    values = {'description': given['description']} if 'description' in given else {}
    with wire.writing(call) as tx:
        consumers.update(tx, consumer_id, values, _extra(given))
        return {'consumer': _shown(call, None, consumers.show(tx, consumer_id))}


def delete(call: Call, consumer_id: str) -> None:
    """DELETE /OS-OAUTH1/consumers/{consumer_id}."""
    with wire.writing(call) as tx:
        consumers.delete(tx, consumer_id)
