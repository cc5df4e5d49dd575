"""Policy: oslo.policy's rules, one enforcer for each service; results are cached by what they depend on."""

import contextlib
import dataclasses
import functools
import logging
import os
import pwd
import re
import threading
import weakref
from collections.abc import Iterable
from typing import Any

from oslo_config import cfg
from oslo_policy import policy

from nimbus.api.kit.policy_checks import Same
from nimbus.common import context, errors

LOG = logging.getLogger(__name__)
MEMO = 8192
CHECK_EVERY = 1.0  # seconds between looks at the override file, off the request path
NAMED = re.compile(r'%\(([^)]*)\)')  # a value of the target in a rule: project_id:%(project_id)s
NOTHING: frozenset[str] = frozenset()
ABSENT = '\0'  # in place of a value that the target does not have
EVERY: 'weakref.WeakSet[Policy]' = weakref.WeakSet()  # that follow a file

ADMIN = 'rule:context_is_admin'
BASE_RULES = (
    policy.RuleDefault('context_is_admin', 'role:admin'),
    policy.RuleDefault('admin_api', 'role:admin'),
    policy.RuleDefault('service_api', 'role:service'),
    policy.RuleDefault('project_reader_api', 'role:reader and project_id:%(project_id)s'),
    policy.RuleDefault('project_member_api', 'role:member and project_id:%(project_id)s'),
    policy.RuleDefault('project_manager_api', 'role:manager and project_id:%(project_id)s'),
    policy.RuleDefault('project_reader_or_admin', 'rule:project_reader_api or rule:context_is_admin'),
    policy.RuleDefault('project_member_or_admin', 'rule:project_member_api or rule:context_is_admin'),
    policy.RuleDefault('project_manager_or_admin', 'rule:project_manager_api or rule:context_is_admin'),
    policy.RuleDefault('any', '@'),
    policy.RuleDefault('nobody', '!'),
)
READER, MEMBER, MANAGER = (f'rule:project_{role}_or_admin' for role in ('reader', 'member', 'manager'))


def of_projects(name: str, check: str, description: str | None = None) -> policy.RuleDefault:
    """A rule for tokens of a project alone: an admin of a domain or of the system does not pass it."""
    return policy.RuleDefault(name, check, description, scope_types=['project'])


@dataclasses.dataclass(frozen=True)
class _Loaded:
    """The rules of one reading of the file, and the cached results of checking them."""

    enforcer: policy.Enforcer
    reads: dict[str, frozenset[str] | None]  # names of the target that a rule's answer depends on; None: unknown
    memo: dict[Any, bool] = dataclasses.field(default_factory=dict)

    def ask(self, rule: str, asker: context.Context, target: dict[str, Any]) -> bool:
        """Whether the rules allow it, without the cache."""
        return bool(self.enforcer.enforce(rule, dict(target), _credentials(asker)))


class Policy:
    """The rules of one service, with an operator's overrides."""

    def __init__(self, defaults: Iterable[policy.RuleDefault], overrides: str | None = None) -> None:
        """`overrides` is as for `follow`."""
        self._defaults = {rule.name: rule for rule in (*BASE_RULES, *defaults)}
        self._path: str | None = None
        self._stop, self._again = threading.Event(), threading.Event()
        self._loaded = self._load()
        if overrides:
            self.follow(overrides)

    def follow(self, overrides: str) -> None:
        """A policy.yaml overrides the rules, read again within a second of a change; one already followed stays.

        The file need not exist.  Raises LookupError when it is there and cannot be used.
        """
        if self._path is not None or len(self._defaults) == len(BASE_RULES):
            return
        self._path, self._stamp = overrides, self._stat(overrides)
        try:
            self._loaded = self._load()
        except Exception as why:
            raise LookupError(f'The policy in {overrides} cannot be used: {self._reason(why)}.') from why
        EVERY.add(self)
        threading.Thread(target=self._watch, name='policy', daemon=True).start()

    def allows(self, rule: str, asker: context.Context, target: dict[str, Any] | None = None) -> bool:
        """Whether the asker passes the rule for the target."""
        target = target if target is not None else {'project_id': asker.project_id, 'user_id': asker.user_id}
        loaded = self._loaded
        names = loaded.reads.get(rule, NOTHING)
        if names is None:
            return loaded.ask(rule, asker, target)
        key = (
            rule,
            asker.roles,
            asker.system,
            asker.user_id,
            asker.project_id,
            asker.domain_id,
            asker.service_roles,
            asker.user_domain_id,
            asker.project_domain_id,
            *[repr(target.get(name, ABSENT)) for name in names],
        )
        found = loaded.memo.get(key)
        if found is None:
            if len(loaded.memo) >= MEMO:
                loaded.memo.clear()
            found = loaded.memo[key] = loaded.ask(rule, asker, target)
        return found

    def check(self, rule: str, asker: context.Context, target: dict[str, Any] | None = None) -> None:
        """Nothing, when the asker passes.  Raises Forbidden, naming the rule."""
        if not self.allows(rule, asker, target):
            raise errors.Forbidden(f"Policy doesn't allow {rule} to be performed.", rule=rule)

    def names(self) -> list[str]:
        """Every rule there is."""
        return sorted(self._defaults)

    def close(self) -> None:
        """The override file is no longer watched."""
        self._stop.set()
        self._again.set()

    def read_again(self) -> None:
        """The override file is read again at once, changed or not, by the thread that watches it."""
        self._again.set()

    def _load(self) -> '_Loaded':
        conf = cfg.ConfigOpts()
        conf([], project='nimbus')
        enforcer = policy.Enforcer(conf, use_conf=False, policy_file='')
        enforcer.suppress_default_change_warnings = True
        # As `register_defaults` does, but for its deep copy of each: nobody changes them, and a start makes a thousand.
        enforcer.registered_rules.update(self._defaults)
        rules = policy.Rules({name: _parsed(rule.check_str) for name, rule in self._defaults.items()}, 'nobody')
        if text := self._text():
            given = policy.parse_file_contents(text)
            unknown = sorted(name for name in given if name not in self._defaults and ':' in name)
            if unknown:
                LOG.debug('Rules of other services in %s are passed over: %s', self._path, ', '.join(unknown))
            rules.update(policy.Rules.from_dict(given))
        enforcer.set_rules(rules, overwrite=True, use_conf=False)
        checks = {id(check): check for check in rules.values()}  # few, as most rules share one
        reads = {key: _reads(check, rules) for key, check in checks.items()}
        return _Loaded(enforcer, {name: reads[id(check)] for name, check in rules.items()})

    def _text(self) -> str:
        """What the override file holds, nothing when there is none.  Raises OSError when it may not be read."""
        try:
            with open(self._path) if self._path else contextlib.nullcontext() as file:
                return file.read() if file else ''
        except FileNotFoundError:
            return ''

    def _watch(self) -> None:
        while not self._stop.is_set():
            asked = self._again.wait(CHECK_EVERY)
            self._again.clear()
            stamp = self._stat(self._path)
            if self._stop.is_set() or (stamp == self._stamp and not asked):
                continue
            self._stamp = stamp
            try:
                self._loaded = self._load()
                LOG.info('The policy in %s was read again', self._path)
            except Exception as why:
                LOG.error('The policy in %s cannot be used, the old one stays: %s', self._path, self._reason(why))

    def _reason(self, why: Exception) -> str:
        """What is wrong; for a file without read permission also its owner, its mode and this process's user."""
        if not isinstance(why, PermissionError) or not self._path:
            return str(why)
        me = _name_of(os.geteuid())
        try:
            found = os.stat(self._path)
        except OSError:
            return f'user {me} may not look into its folder'
        return (
            f'it belongs to {_name_of(found.st_uid)} with mode {found.st_mode & 0o777:o}, and user {me} may not read it'
        )

    @staticmethod
    def _stat(path: str | None) -> Any:
        try:
            found = os.stat(path) if path else None
        except OSError:
            return None
        # A change of owner or mode leaves the content as it is, but may make the file readable or not.
        return found and (found.st_mtime_ns, found.st_ctime_ns)


@functools.cache
def _parsed(check: str) -> Any:
    """The rule of a default, which many rules share; those that oslo.policy made came before `Same` was known."""
    policy.register(None, Same)
    return policy.Rules.from_dict({'': check})['']


def read_again() -> None:
    """Every policy of the process reads its file again at once."""
    for one in list(EVERY):
        one.read_again()


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _reads(check: Any, rules: dict[str, Any], within: tuple[str, ...] = ()) -> frozenset[str] | None:
    """The names of the target that the check reads, by whatever rules it is made of; None where that is not known."""
    if type(check).__module__ != policy.Check.__module__ and not isinstance(check, Same):
        return None  # one that asks elsewhere, as http: does
    if isinstance(check, policy.AndCheck | policy.OrCheck):
        parts = check.rules
    elif isinstance(check, policy.NotCheck):
        parts = [check.rule]
    elif isinstance(check, policy.RuleCheck):
        parts = [rules[check.match]] if check.match in rules and check.match not in within else []
        within = (*within, check.match)
    else:
        return frozenset(NAMED.findall(getattr(check, 'match', '')))
    found = [_reads(part, rules, within) for part in parts]
    return None if None in found else frozenset().union(*found)  # type: ignore[arg-type]


def _credentials(asker: context.Context) -> dict[str, Any]:
    return {
        'user_id': asker.user_id,
        'project_id': asker.project_id,
        'tenant_id': asker.project_id,
        'tenant': asker.project_id,
        'user': asker.user_id,
        'domain_id': asker.domain_id,
        'roles': list(asker.roles),
        'is_admin': asker.is_admin,
        'system_scope': 'all' if asker.system else None,
        'system': asker.system,  # by this oslo.policy recognizes a system-scoped token
        'token': {'domain': {'id': asker.domain_id}, 'project': {'domain': {'id': asker.project_domain_id}}},
        'user_domain_id': asker.user_domain_id,
        'project_domain_id': asker.project_domain_id,
        'service_roles': list(asker.service_roles),
    }
