"""Makes the Compute API's applications.

`parts.extra['compute']` is a Settings, and `parts.extra['console']` those of consoles; they are read from the options
where nobody has put one there.
"""

import dataclasses
from typing import Any

from nimbus.api.compute import shapes
from nimbus.api.compute.legacy import LEGACY
from nimbus.api.compute.microversions import HISTORY, NoUnknownQueries
from nimbus.api.compute.policies import RULES
from nimbus.api.compute.routes import QUERIED, ROUTES, VERSION_ROUTES
from nimbus.api.image.policies import RULES as IMAGE_RULES
from nimbus.api.kit import faults, wsgi
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api, Call
from nimbus.common.parts import Parts
from nimbus.common.quotas import UNLIMITED, Quotas
from nimbus.console.options import Settings as ConsoleSettings
from nimbus.image import quotas
from nimbus.scheduler import options


class Compute(Api):
    """The API, where no GET has a parameter that nobody knows, from a version on."""

    def _take_in(self, call: Call, body: Any) -> None:
        route = call.route
        if route.method == 'GET' and call.speaks(NoUnknownQueries) and call.query and route.handler not in QUERIED:
            shapes.known(call.query)
        super()._take_in(call, body)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the Compute API."""

    down_time: float = 30  # seconds without a report after which a host is down
    keep_deleted: bool = False  # whether a deleted server is kept for a while
    shelved_offload_time: int = 0  # seconds for which a shelved server stays on its host; -1 for ever
    image_quotas: Quotas = dataclasses.field(default_factory=quotas.ImageQuotas)
    image_properties: int = UNLIMITED  # how many an image may have
    filters: tuple[str, ...] = tuple(options.settings()['enabled_filters'])  # which hints are looked at
    keep_deleted_images: int = 0  # seconds that a deleted image can be restored


def factory(_global_conf: Any, **local: str) -> Api:
    """PasteDeploy's factory: `api = v2` makes the API without microversions, `api = versions` the list of versions."""
    parts = wsgi.parts()
    if 'compute' not in parts.extra and parts.conf is not None:
        parts.extra['compute'] = Settings(
            parts.conf.service_down_time,
            bool(parts.conf.compute.reclaim_instance_interval),
            parts.conf.compute.shelved_offload_time,
            quotas.of(parts.conf),
            parts.conf.image.property_quota,
            tuple(parts.conf.scheduler.enabled_filters),
            parts.conf.image.keep_deleted,
        )
    if 'console' not in parts.extra and parts.conf is not None:
        parts.extra['console'] = ConsoleSettings.of(parts.conf)
    return make(parts, local.get('api', 'v2.1'), local.get('policy_file'))


def make(parts: Parts, api: str = 'v2.1', policy_file: str | None = None) -> Api:
    """The application over parts that hold the settings, or the default ones."""
    parts.extra.setdefault('compute', Settings())
    if 'image_policy' not in parts.extra:
        parts.extra['image_policy'] = _image_policy(parts, policy_file)
    parts.extra.setdefault('console', ConsoleSettings())
    policy = Policy(RULES, policy_file)
    if api == 'versions':
        return Api('compute-versions', VERSION_ROUTES, parts, policy, faults.named)
    history = LEGACY if api == 'v2' else HISTORY
    return Compute('compute', ROUTES, parts, policy, faults.named, history, project_in_path=True)


def _image_policy(parts: Parts, policy_file: str | None) -> Policy:
    """The image service's rules, by which its views in this API are judged."""
    policy = Policy(IMAGE_RULES, policy_file)
    if parts.conf is not None:
        policy.follow(parts.conf.api.policy_file)
    return policy
