"""Makes the Placement API's application."""

from typing import Any

from nimbus.api.kit import faults, wsgi
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api
from nimbus.api.placement.microversions import HISTORY
from nimbus.api.placement.policies import RULES
from nimbus.api.placement.routes import ROUTES
from nimbus.common.parts import Parts


def factory(_global_conf: Any, **local: str) -> Api:
    """The application, for api-paste.ini."""
    return make(wsgi.parts(), local.get('policy_file'))


def make(parts: Parts, policy_file: str | None = None) -> Api:
    """The application over parts with a database."""
    return Api('placement', ROUTES, parts, Policy(RULES, policy_file), faults.placement, HISTORY)
