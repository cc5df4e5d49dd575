"""Traits: their names, and those that operators make."""

from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement import nodes
from nimbus.api.placement.dates import dated
from nimbus.api.placement.resource_classes import known
from nimbus.common import errors
from nimbus.scheduler import traits


def index(call: Call) -> Reply:
    """GET /traits: every name, or those that the query asks for.  Raises Invalid."""
    known(call, 'name', 'associated')
    name, associated = call.arg('name'), call.arg('associated')
    if name is not None and ':' not in name:
        raise errors.Invalid(
            'Badly formatted name parameter. Expected name query string parameter in form: '
            f'?name=[in|startswith]:[name1,name2|prefix]. Got: "{name}"'
        )
    if associated is not None and associated.lower() not in ('true', 'false'):
        raise errors.Invalid('The query parameter "associated" only accepts "true" or "false"')
    with call.db.read() as tx:
        found = traits.find(tx)
        had = {each for node in nodes.find(tx) for each in node.traits} if associated else set()
    if associated:
        found = [each for each in found if (each in had) == (associated.lower() == 'true')]
    return dated(call, {'traits': [each for each in found if _matches(each, name)]})


def _matches(name: str, asked: str | None) -> bool:
    """Whether the name is one that is asked for; a word before the colon that nobody knows asks for all."""
    word, _, value = (asked or '').partition(':')
    if word == 'in':
        return name in value.split(',')
    return not (word == 'startswith' and not name.startswith(value))


def show(call: Call, name: str) -> Reply:
    """GET /traits/{name}: 204 where it is there.  Raises NotFound."""
    with call.db.read() as tx:
        made = traits.show(tx, name)
    return dated(call, None, made, status=204)


def create(call: Call, name: str) -> Reply:
    """PUT /traits/{name}: 201 where it was made, 204 where it was there.  Raises Invalid."""
    with call.db.write() as tx:
        fresh = traits.create(tx, name)
        made = traits.show(tx, name)
    reply = dated(call, None, made, status=201 if fresh else 204)
    reply.headers.append(('Location', f'{call.environ.get("SCRIPT_NAME", "")}/traits/{name}'))
    return reply


def delete(call: Call, name: str) -> None:
    """DELETE /traits/{name}.  Raises NotFound, Invalid and Conflict."""
    with call.db.write() as tx:
        traits.delete(tx, name)
