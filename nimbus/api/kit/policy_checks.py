"""The policy check that compares the asker's credentials with the target: two missing values are not equal."""

import re
from collections.abc import Mapping
from typing import Any

from oslo_policy import _checks

_NAMED = re.compile(r'%\(([^)]+)\)s')
NOTHING = 'None'  # the kind of a check that is true where the target lacks something


class Same(_checks.GenericCheck):  # registered in its place; oslo.policy gives it no other name
    """`domain_id:%(target.domain_id)s`; an asker without a domain does not pass for a target without one."""

    def __call__(self, target: Mapping[str, Any], *rest: Any) -> bool:
        if self.kind != NOTHING and any(target.get(name, '') is None for name in _NAMED.findall(self.match)):
            return False
        return bool(super().__call__(target, *rest))
