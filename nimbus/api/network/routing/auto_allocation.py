"""Auto-allocated topologies over HTTP: the network of a project that asks for no more."""

from typing import Any

from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.common import errors
from nimbus.network.routers import auto_allocation

DRY_RUN = 'dry-run'  # as the only field: whether a topology could be allocated, and no more


def _project(call: Call, id: str) -> str:
    """The project that is meant.  Raises Forbidden where it is another's."""
    project_id = (call.context.project_id or '') if id == 'None' else id
    if project_id != call.context.project_id and not call.context.is_admin:
        raise errors.Forbidden('Not authorized.', type='NotAuthorized')
    return project_id


def show(call: Call, project_id: str) -> Any:
    """GET: the project's topology, which is made at its first use."""
    project_id = _project(call, project_id)
    call.check('get_auto_allocated_topology', project_id=project_id)
    fields = call.query.get('fields', [])
    if fields and DRY_RUN not in fields:
        raise errors.Invalid('Bad auto_allocate request: Unrecognized field.', type='BadRequest')
    with call.db.read() as tx:
        there = auto_allocation.of(tx, project_id)
        if fields:
            auto_allocation.check(tx, call.context)
    found = f'{DRY_RUN}=pass' if fields else there and there.network_id
    if found is None:
        with call.db.write() as tx:
            found = auto_allocation.ensure(tx, call.context, project_id, call.parts.extra['network'])
    return {'auto_allocated_topology': {'id': found, 'tenant_id': project_id, 'project_id': project_id}}


def delete(call: Call, project_id: str) -> Any:
    """DELETE: the project has no topology that was allocated for it."""
    project_id = _project(call, project_id)
    call.check('delete_auto_allocated_topology', project_id=project_id)
    with call.db.write() as tx:
        auto_allocation.delete(tx, call.context, project_id)
    return Reply()


ROUTES = (
    Route('GET', '/auto-allocated-topology/{project_id}', show, None),
    Route('DELETE', '/auto-allocated-topology/{project_id}', delete, None, 204),
)
