"""Makes the Image API's application.

`parts.extra['image']` is a nimbus.image.data.transfers.Transfers; it is built from
the options where nobody has put one there.
"""

from typing import Any

from nimbus.api.image.policies import RULES
from nimbus.api.image.routes import ROUTES
from nimbus.api.kit import faults, wsgi
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api
from nimbus.common.parts import Parts
from nimbus.image import service
from nimbus.image.data.sweeps import Sweeps
from nimbus.image.tasks.imports import Imports


def factory(_global_conf: Any, **local: str) -> Api:
    """PasteDeploy's factory; first cleans up uploads that were interrupted with an earlier process."""
    parts = wsgi.parts()
    if 'image' not in parts.extra:
        parts.extra['image'] = service.build(parts.conf, parts.db, parts.extra.get('process', 0))
    if 'image imports' not in parts.extra:
        parts.extra['image imports'] = service.imports(parts.conf, parts.extra['image'])
    parts.extra['image'].heal()
    made = make(parts, local.get('policy_file'))
    parts.extra['image imports'].runner.start()
    if not parts.extra.get('process', 0):
        Sweeps(parts.extra['image']).start()
    return made


def make(parts: Parts, policy_file: str | None = None) -> Api:
    """The application over parts that hold the transfers."""
    if 'image imports' not in parts.extra:
        parts.extra['image imports'] = Imports(parts.extra['image'])
    return Api('image', ROUTES, parts, Policy(RULES, policy_file), faults.glance)
