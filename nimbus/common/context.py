"""The context of a request: user, project, roles, token and request id."""

import dataclasses
from typing import Any, Self

from nimbus.common import ids

LOCAL = ('token', 'access_rules', 'thumbprint')  # what is between the caller and the API alone


@dataclasses.dataclass(frozen=True)
class Context:
    """One request's asker; crosses the bus as plain JSON, without the token unless asked for."""

    request_id: str = dataclasses.field(default_factory=ids.request)
    user_id: str | None = None
    user_name: str | None = None
    user_domain_id: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    domain_id: str | None = None  # domain scope
    system: bool = False  # system scope
    roles: tuple[str, ...] = ()  # implied roles included
    service_roles: tuple[str, ...] = ()  # of the service token beside the user's
    token: str | None = dataclasses.field(default=None, repr=False)
    global_request_id: str | None = None
    remote_address: str | None = None
    # The only requests the token may make, (service, method, path) each; None: any.
    access_rules: tuple[tuple[str, str, str], ...] | None = None
    thumbprint: str = ''  # of the only certificate that the token may be used with; '': with any, or none

    @property
    def is_admin(self) -> bool:
        """Whether the asker is an operator, who sees every project."""
        return 'admin' in self.roles

    @property
    def is_service(self) -> bool:
        """Whether another service speaks for the user."""
        return 'service' in self.service_roles or 'service' in self.roles

    def to_dict(self) -> dict[str, Any]:
        """What crosses the bus and is kept with a job: no token."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in LOCAL}
        return {**values, 'roles': list(self.roles), 'service_roles': list(self.service_roles)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The context whose `to_dict` is `values`; unknown keys are dropped, so that versions may differ."""
        known = {f.name for f in dataclasses.fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        return cls(
            **{
                **kept,
                'roles': tuple(kept.get('roles', ())),
                'service_roles': tuple(kept.get('service_roles', ())),
            }
        )


def internal(request_id: str | None = None) -> Context:
    """The context of work that no user asked for."""
    return Context(request_id=request_id or ids.request(), roles=('admin', 'service'))
