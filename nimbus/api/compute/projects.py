"""Projects that a request of the Compute API names."""

from typing import Any

from nimbus.common import errors
from nimbus.identity.people import projects


def check_exists(tx: Any, project_id: str) -> None:
    """Raises Invalid when there is no such project."""
    try:
        projects.show(tx, project_id)
    except errors.NotFound as why:
        raise errors.Invalid(f'Project ID {project_id} is not a valid project.') from why
