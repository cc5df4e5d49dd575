"""Makes the WSGI applications of the Networking API."""

from collections.abc import Callable, Iterable
from typing import Any

from nimbus.api.kit import faults
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api
from nimbus.api.kit.wsgi import parts
from nimbus.api.network import info, policies, routes
from nimbus.common import errors
from nimbus.common.parts import Parts
from nimbus.network.options import settings


def envelope(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Neutron's errors, with its own name for a refusal by policy."""
    if isinstance(error, errors.Forbidden) and (rule := error.facts.get('rule')):
        error.facts.setdefault('type', 'PolicyNotAuthorized')
        sentence = f'rule:{rule} is disallowed by policy'
    return faults.neutron(status, sentence, error, request_id)


class Neutron(Api):
    """The v2.0 API, whose paths may end in `.json` as its oldest clients write them; a tag may end so by itself."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get('PATH_INFO', '')
        if path.endswith('.json') and '/tags/' not in path:
            environ = {**environ, 'PATH_INFO': path.removesuffix('.json')}
        return super().__call__(environ, start_response)


def make(wired: Parts) -> Api:
    """The v2.0 API; `network` in parts.extra is its Settings."""
    wired.extra.setdefault('network', settings(wired.conf))
    overrides = wired.conf.api.policy_file if wired.conf is not None else None
    return Neutron('network', routes.ROUTES, wired, Policy(policies.RULES, overrides), envelope, slash=True)


def factory(_global_conf: Any, **local: str) -> Api:
    """The v2.0 API with the parts of the pipeline that is being loaded."""
    return make(parts())


def versions_factory(_global_conf: Any, **local: str) -> Api:
    """The document at /, which needs no token."""
    return Api('network-versions', info.VERSIONS, parts(), Policy(()), faults.neutron, slash=True)
