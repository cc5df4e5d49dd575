"""Makes the WSGI applications of the Block Storage API.

`parts.extra['volume_quotas']` holds the service's quotas, with the limits of the [volume] options.
"""

from typing import Any

from nimbus.api.kit import faults
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api
from nimbus.api.kit.wsgi import parts
from nimbus.api.volume import info, policies, routes
from nimbus.api.volume.microversions import VOLUME
from nimbus.common.parts import Parts
from nimbus.image import quotas
from nimbus.volume.quotas import DEFAULTS, VolumeQuotas


def make(wired: Parts) -> Api:
    """The v3 API."""
    options = wired.conf.volume if wired.conf is not None else None
    limits = {name: getattr(options, f'quota_{name}') for name in DEFAULTS} if options else {}
    wired.extra.setdefault('volume_quotas', VolumeQuotas(limits))
    wired.extra.setdefault('image_quotas', quotas.of(wired.conf))
    overrides = wired.conf.api.policy_file if wired.conf is not None else None
    return Api(
        'volume',
        routes.ROUTES,
        wired,
        Policy(policies.RULES, overrides),
        faults.named,
        VOLUME,
        project_in_path=True,
    )


def factory(_global_conf: Any, **local: str) -> Api:
    """The v3 API with the parts of the pipeline that is being loaded."""
    return make(parts())


def versions_factory(_global_conf: Any, **local: str) -> Api:
    """The document at /, which needs no token."""
    return Api('volume-versions', info.VERSIONS, parts(), Policy(()), faults.named)
