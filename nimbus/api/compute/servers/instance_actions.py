"""Instance actions and their events over HTTP, from a server's jobs and their steps."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.compute.servers.queries import moment
from nimbus.api.compute.servers.views import host_id
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Noun, Text
from nimbus.api.kit.routes import Call
from nimbus.common import clock, errors
from nimbus.common.database import listing
from nimbus.compute.servers import actions


class Action(Noun):
    """One action on a server, as recorded by its job."""

    one, many = 'instanceAction', 'instanceActions'
    action = Text(source=lambda row, call: actions.NAMES[row.workflow])
    instance_uuid = Text(source='subject')
    request_id = Text()
    user_id = Text(source=lambda row, call: row.asker.get('user_id'))
    project_id = Text()
    start_time = Text(source=lambda row, call: clock.iso_micro(row.created_at))
    message = Text(source=lambda row, call: 'Error' if row.error else None)
    updated_at = Text(source=lambda row, call: clock.iso_micro(row.updated_at), since=microversions.ActionPages.number)


def index(call: Call, id: str) -> dict[str, Any]:
    """The server's actions, newest first."""
    paged = call.speaks(microversions.ActionPages)
    wanted: dict[str, Any] = {}
    if paged:
        names = ['limit', 'marker', 'changes-since']
        names += ['changes-before'] if call.speaks(microversions.ChangesBefore) else []
        shapes.known(call.query, *names)
        limit = paging.limit(call, paging.MAX_LIMIT)
        wanted = {'limit': limit, 'marker': call.arg('marker') or None}
        wanted |= {name: moment(call.arg(f'changes-{name}'), f'changes-{name}') for name in ('since', 'before')}
        if wanted['since'] and wanted['before'] and wanted['since'] > wanted['before']:
            raise errors.Invalid('The value of changes-since must be less than or equal to changes-before.')
    with call.db.read() as tx:
        actions.subject(tx, call.context, id, deleted=call.speaks(microversions.ActionsOfTheDeleted))
        rows = actions.find(tx, id, **wanted)
    body = call.views(Action, rows)
    page = listing.Page(limit=wanted.get('limit'))
    if paged and (links := paging.next_link(call, rows, page, key='request_id')):
        body['links'] = links
    return body


def show(call: Call, id: str, request_id: str) -> dict[str, Any]:
    """One action, with its events for those who may see them."""
    with call.db.read() as tx:
        server = actions.subject(tx, call.context, id, deleted=call.speaks(microversions.ActionsOfTheDeleted))
        job = actions.show(tx, id, request_id)
        events = actions.events(tx, job.id)
    body = call.view(Action, job)
    everything = call.allows(f'{policies.API}os-instance-actions:events')
    if everything or call.speaks(microversions.EventsForOwners):
        body['instanceAction']['events'] = [_event(call, job, event, server, everything) for event in events]
    return body


def _event(call: Call, job: Any, row: Any, server: Any, everything: bool) -> dict[str, Any]:
    """A step of the job as an event; only an operator sees the chain of causes and the host's name."""
    result = actions.RESULTS[row.outcome]
    body = {
        'event': f'{"api" if job.workflow in actions.AT_ONCE else "compute"}_{row.step}',
        'start_time': clock.iso_micro(row.started_at),
        'finish_time': clock.iso_micro(row.finished_at),
        'result': result,
    }
    if everything:
        body['traceback'] = row.detail if result == 'Error' else None
    if call.speaks(microversions.HostsOfEvents):
        body['hostId'] = host_id(server.project_id, row.host)
        if everything:
            body['host'] = row.host
    if call.speaks(microversions.EventDetails) and call.allows(f'{policies.API}os-instance-actions:events:details'):
        body['details'] = row.detail if result == 'Error' else None
    return body
