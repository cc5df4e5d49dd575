"""What Keystone's nouns share on the wire: the error envelope, links, extra attributes and lists."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nimbus.api.identity import notifications
from nimbus.api.kit import faults, paging
from nimbus.api.kit.fields import Noun
from nimbus.api.kit.routes import VERBS, Call
from nimbus.api.kit.versions import Version
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.database.listing import Page

FUZZY = ('contains', 'icontains', 'startswith', 'istartswith', 'endswith', 'iendswith')
MAX_LIMIT = 100_000  # most rows of a page; without a limit a list is complete, as clients of identity expect
FLAGS = ('', 'true', 'false', '1', '0', 'y', 'n', 'yes', 'no', 'on', 'off', 't', 'f')
FALSE = ('0', 'false', 'off', 'no', 'f', 'n')
# Attributes that a body may contain and that are ignored: the service sets them.
OWN = ('id', 'links')


class KeystoneNoun(Noun):
    """A noun whose unknown attributes are stored and shown again."""

    extras = True
    kept: dict[str, Any] = {}  # the schemas of attributes that are stored among the unknown ones
    dropped: tuple[str, ...] = ()  # what a body may contain and is neither set nor stored

    @classmethod
    def _inner_schema(cls, verb: str, version: Version) -> dict[str, Any]:
        inner = super()._inner_schema(verb, version)
        return {**inner, 'properties': {**inner['properties'], **cls.kept}}


def envelope(status: int, sentence: str, error: errors.NimbusError, request_id: str) -> tuple[str, bytes]:
    """Keystone's envelope; a refusal names the action as Keystone does."""
    if isinstance(error, errors.Forbidden) and (rule := error.facts.get('rule')):
        sentence = f'You are not authorized to perform the requested action: {rule}.'
    return faults.keystone(status, sentence, error, request_id)


@contextlib.contextmanager
def writing(call: Call) -> Iterator[db.Tx]:
    """A transaction whose revocations this process applies when the block ends; others do within a second.

    The notification of the write is posted in it: every write of identity goes through here.
    """
    with call.db.write() as tx:
        yield tx
        notifications.wrote(call, tx, getattr(call, 'shown_id', None))
    if call.parts.tokens is not None:
        with contextlib.suppress(errors.Unavailable):
            call.parts.tokens.poll()


def split(call: Call, noun: type[KeystoneNoun]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The body's attributes that may be set, and the unknown ones, which are stored as extras."""
    verb = VERBS[call.route.method]
    settable = {name for name, field in noun.fields if verb in field.on}
    known = {name for name, _ in noun.fields}
    given = {name: value for name, value in call.given.items() if name in settable}
    extra = {name: value for name, value in call.given.items() if name not in {*known, *OWN, *noun.dropped}}
    return given, extra


def shown(call: Call, noun: type[Noun], row: Any) -> dict[str, Any]:
    """The row's representation: extras, known attributes, and its link."""
    view = noun.view(call.version)(row, call)
    call.shown_id = row.id  # type: ignore[attr-defined]  # the id that a POST made, for the notification
    link = {'self': f'{call.root_url}/{noun.many}/{row.id}'}
    return {**(getattr(row, 'extra', None) or {}), **view, 'links': link}


def one(call: Call, noun: type[Noun], row: Any) -> dict[str, Any]:
    """The row under the noun's name."""
    return {noun.one: shown(call, noun, row)}


def many(
    call: Call, noun: type[Noun], rows: Iterable[Any], page: Page | None = None, view: Callable[..., Any] = shown
) -> dict[str, Any]:
    """The rows under the noun's plural name, with the links of the page."""
    found = list(rows)
    following = None
    if page is not None and (link := paging.next_link(call, found, page)):
        following = link[0]['href']
    here = f'{call.root_url}{call.path.rstrip("/")}'
    query = call.environ.get('QUERY_STRING')
    links = {'next': following, 'self': f'{here}?{query}' if query else here, 'previous': None}
    cut = {'truncated': True} if following else {}
    return {noun.many: [view(call, noun, row) for row in found], 'links': links, **cut}


def page_of(call: Call, noun: type[Noun], **fixed: Any) -> Page:
    """The page of the list that is requested; unknown filters are ignored, as in Keystone."""
    filters: dict[str, Any] = {}
    flags = {name for name, field in noun.fields if field.schema.get('type') == 'boolean'}
    for name, column in noun.names(filter=True).items():
        value = call.arg(name)
        if value is not None:
            _check_filter(noun, name, value, name in flags)
            filters[column] = flag(value) if name in flags else value
        for how in FUZZY:
            if name not in flags and (text := call.arg(f'{name}__{how}')) is not None:
                filters[f'{column}__{how}'] = text
    limit = paging.limit(call, MAX_LIMIT) if call.arg('limit') else None
    sorts = ()
    if call.arg('sort_key'):
        sorts = paging.page(call, noun, max_limit=None, strict=False).sorts
    if any(filters.get(column, value) != value for column, value in fixed.items()):
        filters['id'] = None  # the requested filter and the asker's restriction exclude each other: nothing matches
    return Page(limit, call.arg('marker') or None, sorts, {**filters, **fixed})


def _check_filter(noun: type[Noun], name: str, value: str, is_flag: bool) -> None:
    """Raises Invalid when a filter has a value that no row can have."""
    if is_flag and value.lower() not in FLAGS or not is_flag and not value:
        raise errors.Invalid(f'Invalid input for field/attribute {name}. Value: {value[:80]}.')
    enum = dict(noun.fields)[name].schema.get('enum')
    if enum and value not in enum:
        raise errors.Invalid(f'Invalid input for field/attribute {name}. Value: {value[:80]}. Allowed are {enum}.')


def wanted(call: Call, name: str) -> bool:
    """Whether a query parameter is set, and not to 0."""
    return name in call.query and call.arg(name) != '0'


def flag(text: str | None) -> bool:
    """The truth of a query parameter: it is present, and its value does not mean false."""
    return text is not None and text.lower() not in FALSE


def require_change(call: Call) -> None:
    """Raises Invalid when the body of an update is empty."""
    if not call.given:
        raise errors.Invalid('{} does not have enough properties')


def same_id(call: Call, row_id: str) -> None:
    """Raises Invalid when the body has another id than the path."""
    if call.given.get('id') not in (None, row_id):
        raise errors.Invalid('Cannot change ID')


def home(call: Call, given: str | None) -> str:
    """The id of the domain of a new resource: the one given, else the asker's, else the default one."""
    return given or call.context.domain_id or 'default'


def within(call: Call) -> dict[str, str]:
    """The filters that restrict a list to the domain of an asker with a domain-scoped token."""
    return {'domain_id': call.context.domain_id} if call.context.domain_id else {}


def check(call: Call, rule: str, **target: Any) -> None:
    """Nothing when the policy rule allows the asker; `user__domain_id=` is `target.user.domain_id` in the rule.

    Raises Forbidden.
    """
    named = {f'target.{name.replace("__", ".")}': value for name, value in target.items()}
    call.check(f'identity:{rule}', user_id=call.context.user_id, project_id=call.context.project_id, **named)


def seen(call: Call, rule: str, find: Callable[[], Any], target: Callable[[Any], dict[str, Any]]) -> Any:
    """The row that `find` returns, if the policy rule allows the asker.

    Raises Forbidden, and NotFound only for an asker whom the rule allows whatever the row is.
    """
    try:
        row = find()
    except errors.NotFound:
        check(call, rule)
        raise
    check(call, rule, **target(row))
    return row
