"""The kinds of policy checks.

`Same` compares the asker's credentials with the target: two missing values are not equal.
"""

import re
from collections.abc import Mapping
from typing import Any

from oslo_policy import _checks
from stevedore import named

_NAMED = re.compile(r'%\(([^)]+)\)s')
NOTHING = 'None'  # the kind of a check that is true where the target lacks something


class Same(_checks.GenericCheck):  # registered in its place; oslo.policy gives it no other name
    """`domain_id:%(target.domain_id)s`; an asker without a domain does not pass for a target without one."""

    def __call__(self, target: Mapping[str, Any], *rest: Any) -> bool:
        if self.kind != NOTHING and any(target.get(name, '') is None for name in _NAMED.findall(self.match)):
            return False
        return bool(super().__call__(target, *rest))


class Installed(dict[str, Any]):
    """The kinds of check that packages bring, each loaded when a rule is of it.

    oslo.policy loads all of them to parse its first rule, and with `http:` the package requests: 4 MiB that a process
    whose rules ask nobody else can do without.
    """

    def __init__(self) -> None:
        none_loaded: Any = named.NamedExtensionManager('oslo.policy.rule_checks', names=[])
        super().__init__({entry.name: entry for entry in none_loaded.list_entry_points()})

    def __getitem__(self, kind: str) -> Any:
        return super().__getitem__(kind).load()


_checks.extension_checks = Installed()
