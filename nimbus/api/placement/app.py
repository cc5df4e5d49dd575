"""Makes the Placement API's application."""

from typing import Any

from nimbus.api.kit import faults, wsgi
from nimbus.api.kit.policy import Policy
from nimbus.api.kit.routes import Api
from nimbus.api.placement.microversions import HISTORY, ErrorCodes
from nimbus.api.placement.policies import RULES
from nimbus.api.placement.routes import ROUTES
from nimbus.common import errors
from nimbus.common.parts import Parts


class Placement(Api):
    """The API, whose errors have a code from a version on."""

    def _fault(self, why: errors.NimbusError, request_id: str, environ: dict[str, Any]) -> tuple[int, Any, Any]:
        try:
            coded = HISTORY.asked(environ) >= ErrorCodes.number
        except errors.NimbusError:
            coded = False  # what is wrong is the version itself
        code = why.facts.pop('code', 'placement.undefined_code')
        if coded:
            why.facts['code'] = code
        return super()._fault(why, request_id, environ)


def factory(_global_conf: Any, **local: str) -> Api:
    """The application, for api-paste.ini."""
    return make(wsgi.parts(), local.get('policy_file'))


def make(parts: Parts, policy_file: str | None = None) -> Api:
    """The application over parts with a database."""
    return Placement('placement', ROUTES, parts, Policy(RULES, policy_file), faults.placement, HISTORY)
