"""Names that two rooms share without importing each other: workflows and policy rules."""

import ast
import importlib
import importlib.util
import re

import pytest

from nimbus.api.kit.policy import BASE_RULES
from nimbus.api.kit.routes import Route, failpoint
from nimbus.conductor.workflows import WORKFLOWS
from tests.chaos.test_kills import KILLS
from tests.house import source

SERVICES = [
    name
    for name in ('identity', 'compute', 'image', 'network', 'volume', 'placement')
    if importlib.util.find_spec(f'nimbus.api.{name}.policies') and importlib.util.find_spec(f'nimbus.api.{name}.routes')
]
PREFIXES = ('', 'identity:', 'os_compute_api:', 'os_compute_api:servers:')  # what a room adds to a name of its own
IMPORTED = re.compile(r'from (nimbus[\w.]*) import ([\w, ]+)')
REFERENCE = re.compile(r'rule:([\w:.-]+)')
# Rules that nothing here asks; the lists may only shrink.
UNASKED = {
    # Upstream's base rules, which an operator's overrides may refer to.
    'identity': {'admin_or_token_subject', 'service_admin_or_token_subject'},
}


def started() -> list[tuple[str, str | None]]:
    """(place, workflow) of every job that is started; None where the name is not written out."""
    found: list[tuple[str, str | None]] = []
    for path in source.python('nimbus'):
        for call in source.calls(path):
            if ast.unparse(call.func) == 'jobs.start':
                name = call.args[2] if len(call.args) > 2 else None
                told = name.value if isinstance(name, ast.Constant) else None
                found.append((f'{source.name_of(path)}:{call.lineno}', told))
    return found


def test_every_job_that_is_started_has_its_workflow():
    assert len(started()) > 5
    assert [(place, name) for place, name in started() if name not in WORKFLOWS] == []


def test_every_workflow_is_started_by_somebody():
    assert set(WORKFLOWS) - {name for _, name in started()} == set()


def rules(service: str) -> dict[str, str]:
    """Every rule of the service and its check."""
    module = importlib.import_module(f'nimbus.api.{service}.policies')
    return {rule.name: rule.check_str for rule in module.RULES}


def routes(service: str) -> list[Route]:
    """Every route in the service's tables."""
    module = importlib.import_module(f'nimbus.api.{service}.routes')
    return [route for name, table in vars(module).items() if name.endswith('ROUTES') for route in table]


def tables(service: str) -> set[str]:
    """The rules named in the service's tables of routes."""
    return {route.policy for route in routes(service) if route.policy}


def test_every_request_that_a_daemon_is_killed_in_is_served():
    served = {failpoint(route.handler) for service in SERVICES for route in routes(service)}
    assert [point for _, _, point in KILLS if point.startswith('api.') and point not in served] == []


def pattern(node: ast.expr, names: dict[str, object]) -> str | None:
    """A regular expression of the texts that the expression can be, None where nothing is known of it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [pattern(p.value if isinstance(p, ast.FormattedValue) else p, names) for p in node.values]
        return ''.join('[\\w:-]+' if part is None else part for part in parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = pattern(node.left, names), pattern(node.right, names)
        return (left or '[\\w:-]+') + (right or '[\\w:-]+') if left or right else None
    try:
        value = eval(compile(ast.Expression(node), '', 'eval'), {'__builtins__': {}}, names)  # noqa: S307 - our own source
    except Exception:
        return None
    return re.escape(value) if isinstance(value, str) else None


def modules(service: str) -> list[tuple[str, dict[str, object], ast.Module]]:
    """(name, its names, its tree) of every module of the service's API but its policies."""
    found = []
    for path in source.python(f'nimbus/api/{service}'):
        name = '.'.join(path.relative_to(source.ROOT).with_suffix('').parts).removesuffix('.__init__')
        if not name.endswith('.policies'):
            found.append((name, vars(importlib.import_module(name)), source.tree(path)))
    return found


@pytest.mark.parametrize('service', SERVICES)
def test_every_rule_that_is_asked_exists(service):
    known = {*rules(service), *(rule.name for rule in BASE_RULES)}
    assert tables(service) - known == set()
    bad = []
    for name, names, tree in modules(service):
        for node in ast.walk(tree):
            asks = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
            if asks and ast.unparse(node.func) in ('call.check', 'call.allows', 'call.api.policy.check'):
                told = pattern(node.args[0], names)
                if told and not any(re.fullmatch(told, rule) for rule in known):
                    bad.append(f'{name}:{node.lineno} {ast.unparse(node.args[0])}')
    assert bad == []


@pytest.mark.parametrize('service', SERVICES)
def test_every_rule_a_rule_refers_to_exists(service):
    known = {**{rule.name: '' for rule in BASE_RULES}, **rules(service)}
    bad = [
        f'{name} refers to {other}'
        for name, check in rules(service).items()
        for other in REFERENCE.findall(check)
        if other not in known
    ]
    assert bad == []


@pytest.mark.parametrize('service', SERVICES)
def test_every_rule_is_asked_somewhere(service):
    texts: set[str] = set()
    for _, names, tree in modules(service):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Attribute | ast.Name):
                told = pattern(node, names)
                if told and not re.fullmatch(r'(\[\\w:-\]\+)+', told):
                    texts.add(told)
    asked = tables(service)
    referred = {other for check in rules(service).values() for other in REFERENCE.findall(check)}
    used = re.compile('|'.join(f'(?:{text})' for text in texts))
    unasked = {
        name
        for name in rules(service)
        if name not in asked and name not in referred
        if not any(used.fullmatch(name[len(prefix) :]) for prefix in PREFIXES if name.startswith(prefix))
    }
    assert unasked == UNASKED.get(service, set())


def handed_over() -> list[tuple[str, str, str]]:
    """(file, module, name) of every import in a program that stands in a text, as one process hands it to another."""
    texts = [
        (source.name_of(path), node.value)
        for path in source.python('nimbus', 'devstack', 'tests', 'bench')
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    found = [(file, *match) for file, text in texts for match in IMPORTED.findall(text)]
    return [(file, module, name) for file, module, names in found for name in re.findall(r'\w+', names)]


def test_what_programs_in_texts_import_is_there():
    assert len(handed_over()) > 5
    wrong = []
    for file, module, name in handed_over():
        if not hasattr(importlib.import_module(module), name) and not importlib.util.find_spec(f'{module}.{name}'):
            wrong.append(f'{file}: {module}.{name}')
    assert wrong == []
