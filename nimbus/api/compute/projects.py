"""Projects that a request of the Compute API names."""

from typing import Any

from nimbus.common import errors
from nimbus.common.context import Context
from nimbus.identity.people import projects


def check_exists(tx: Any, asker: Context, project_id: str) -> None:
    """Raises Invalid when there is no such project and the asker may know; to others all projects are alike."""
    if not asker.is_admin:
        return
    try:
        projects.show(tx, project_id)
    except errors.NotFound as why:
        raise errors.Invalid(f'Project ID {project_id} is not a valid project.') from why
