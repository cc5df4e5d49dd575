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


def _told(call: Call) -> dict[str, Any]:
    """The consumer's attributes in the body, with ':' and '-' in their names replaced by '_', as in Keystone."""
    told = (call.body or {}).get('consumer', {})
    return {name.replace(':', '_').replace('-', '_'): value for name, value in told.items()}


def _extra(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in OWN}


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
    told = _told(call)
    with wire.writing(call) as tx:
        consumer_id, secret = consumers.create(tx, told.get('description'), _extra(told))
        body = _shown(call, None, consumers.show(tx, consumer_id))
    return Reply({'consumer': {**body, 'secret': secret}}, 201)


def update(call: Call, consumer_id: str) -> dict[str, Any]:
    """PATCH /OS-OAUTH1/consumers/{consumer_id}: its description and extra attributes."""
    told = _told(call)
    if told.get('id') not in (None, consumer_id):
        raise errors.Invalid('Cannot change ID')
    values = {'description': told['description']} if 'description' in told else {}
    with wire.writing(call) as tx:
        consumers.update(tx, consumer_id, values, _extra(told))
        return {'consumer': _shown(call, None, consumers.show(tx, consumer_id))}


def delete(call: Call, consumer_id: str) -> None:
    """DELETE /OS-OAUTH1/consumers/{consumer_id}."""
    with wire.writing(call) as tx:
        consumers.delete(tx, consumer_id)
