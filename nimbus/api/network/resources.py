"""List, show, create, update and delete of every network resource, with pages, filters and policy."""

import contextlib
import dataclasses
import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nimbus.api.kit import paging
from nimbus.api.kit.fields import CREATE, UPDATE
from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.api.network import notifications
from nimbus.api.network.attributes import Given, NeutronNoun, bad, column_of
from nimbus.common import errors, numbers, times
from nimbus.common.database import db
from nimbus.common.database.listing import Page

OWN = ('project_id', 'user_id', 'tenant_id', 'network:project_id', 'security_group:project_id')
TAGS = ('tags', 'tags-any', 'not-tags', 'not-tags-any')
# What a list's query may name beside filters.
BESIDE = frozenset(('fields', 'limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir', 'changed_since', *TAGS))


def ever(call: Call, rule: str) -> None:
    """Raises Forbidden when the asker's roles do not allow it even for their own project's resources."""
    own = call.context.project_id
    call.check(rule, **{name: call.context.user_id if name == 'user_id' else own for name in OWN})


def own_alone(call: Call, given: Given) -> None:
    """Raises Invalid when the resource is to be another project's and the asker may not make it for others."""
    owner = given.get('project_id')
    if owner is None or owner == call.context.project_id or call.context.is_admin or call.context.is_service:
        return
    raise bad("Specifying 'project_id' or 'tenant_id' other than the authenticated project needs an operator's rights.")


def page(call: Call, noun: type[NeutronNoun], special: dict[str, Callable[[list[str]], Any]] | None = None) -> Page:
    """The part of the list that the request asks for.  Raises Invalid."""
    hidden = set(noun.hidden(call.allows))
    _refuse_unknown(call, noun, special or {})
    filters: dict[str, Any] = {}
    for name, field in noun.fields:
        texts = call.query.get(name)
        if not texts or not field.filter or name in hidden:
            continue
        column = field.source if isinstance(field.source, str) else name
        filters[column] = _sifted(name, field, texts)
    for name in TAGS if noun.tagged else ():
        if name in call.query:
            filters[name] = call.query[name]
    if 'changed_since' in call.query and 'updated_at' in dict(noun.fields):
        filters['changed_since'] = since(call.query['changed_since'][0])
    for name, find in (special or {}).items():
        if name in call.query:
            filters |= find(call.query[name])
    try:
        most = paging.limit(call, None)
    except errors.Invalid as why:
        raise bad(f"Invalid input for limit. Reason: '{call.arg('limit')}' should be a non-negative integer.") from why
    return Page(
        limit=most or None,
        marker=call.arg('marker') or None,
        sorts=_sorts(call, noun, hidden) or (('seq', 'asc'),),  # the oldest first, as an index has them
        filters=filters,
        reverse=(call.arg('page_reverse') or '').lower() == 'true',
    )


def _refuse_unknown(call: Call, noun: type[NeutronNoun], special: dict[str, Any]) -> None:
    """Raises Invalid where the query filters by what the noun does not have."""
    unknown = [name for name in call.query if name not in BESIDE and name not in special]
    absent = sorted(set(unknown) - {name for name, _ in noun.fields})
    if absent:
        raise bad(f'{absent} is invalid attribute for filtering')


def since(text: str) -> datetime.datetime:
    """The moment, in UTC without a zone.  Raises Invalid."""
    moment = times.read(text)
    if moment is None:
        raise errors.Invalid(
            f'Invalid input for operation: The input {text} must be in the following format: YYYY-MM-DDTHH:MM:SSZ.',
            type='InvalidInput',
        )
    return moment


def _sifted(name: str, field: Any, texts: list[str]) -> list[Any]:
    if field.sift is None:
        return texts
    try:
        return [field.sift(text) for text in texts]
    except ValueError as why:
        raise bad(f'Invalid input for {name}. Reason: {why}.') from why


def _sorts(call: Call, noun: type[NeutronNoun], hidden: set[str]) -> tuple[tuple[str, str], ...]:
    keys, ways = call.query.get('sort_key', []), call.query.get('sort_dir', [])
    if len(keys) != len(ways):
        raise bad('The number of sort_keys and sort_dirs must be same')
    known = noun.names(sort=True)
    absent = [key for key in keys if key not in known or key in hidden]
    if absent:
        raise bad(f'{absent} is invalid attribute for sort_keys')
    wrong = [way for way in ways if way not in ('asc', 'desc')]
    if wrong:
        raise bad(f"{wrong} is invalid value for sort_dirs, valid value is 'asc' and 'desc'")
    return tuple(zip([known[key] for key in keys], ways, strict=True))


def links(call: Call, noun: type[NeutronNoun], rows: Sequence[Any], cut: Page) -> dict[str, Any]:
    """The links to the next and previous page, such as `networks_links`, when the list is paged."""
    if not cut.limit:
        return {}
    found = []
    full = len(rows) >= cut.limit
    if full or cut.reverse:
        found.append(
            {'rel': 'next', 'href': paging.page_url(call, rows[-1].id if rows else None, page_reverse='False')}
        )
    if full or not cut.reverse:
        back = paging.page_url(call, rows[0].id if rows else None, page_reverse='True')
        found.append({'rel': 'previous', 'href': back})
    return {f'{noun.many}_links': found} if found else {}


def shown(call: Call, noun: type[NeutronNoun], rows: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows as the asker may see them, with the fields the request names."""
    view = noun.view(call.version)
    found = [view(row, call) for row in rows]
    for name in noun.hidden(call.allows):
        for shape in found:
            del shape[name]
    wanted = set(call.query.get('fields', ()))
    if wanted:
        found = [{name: value for name, value in shape.items() if name in wanted} for shape in found]
    return found


def check_revision(call: Call, row: Any) -> None:
    """Raises Precondition when the row is not at the revision that If-Match names, and Invalid on a bad header."""
    header = call.header('If-Match', '') or ''
    if 'revision_number=' not in header or not hasattr(row, 'revision_number'):
        return
    number = header.strip('" ').partition('revision_number=')[2].strip('"')
    asked = numbers.read(number)
    if asked is None:
        raise errors.Invalid(
            'Bad if-match request: Revision number etag must be in the format of revision_number=<int>.',
            type='BadRequest',
        )
    if asked != row.revision_number:
        raise errors.Precondition(
            f'Constrained to {number}, but current revision is {row.revision_number}',
            type='RevisionNumberConstraintFailed',
        )


@dataclasses.dataclass(frozen=True)
class Resource:
    """One resource's operations; the fields are the functions by which its noun's module does them."""

    noun: type[NeutronNoun]
    find: Callable[[db.Tx, Any, Page], list[Any]]
    show_row: Callable[[db.Tx, Any, str], Any]
    children: Callable[[Call, db.Tx, Sequence[Any]], dict[str, Any]]
    add: Callable[[Call, db.Tx, Given, Any], str]
    change: Callable[[Call, db.Tx, Any, Given], None] | None
    remove: Callable[[Call, db.Tx, Any], None]
    target: Callable[[db.Tx, Any], dict[str, Any]]  # of a row, for its policy rules
    parent: Callable[[Call, db.Tx, Given], Any] = lambda call, tx, given: None  # of what is to be made
    draft: Callable[[Any, Given], dict[str, Any]] = lambda parent, given: {}  # target of what is to be made
    special: dict[str, Callable[[list[str]], Any]] | None = None
    before_list: Callable[[Call], None] = lambda call: None
    before_create: Callable[[Sequence[Given]], None] = lambda wanted: None
    wish: Callable[[Given], dict[str, Any]] = lambda given: {}  # what an update asks for adds to the target of a row
    secret: bool = False  # what is shared with others does not exist for them where they would change it

    def routes(self, path: str) -> tuple[Route, ...]:
        """The noun's endpoints."""
        each = path + '/{id}'
        found = [
            Route('GET', path, self.index, None),
            Route('POST', path, self.create, None, 201, noun=self.noun),
            Route('GET', each, self.show, None),
            Route('DELETE', each, self.delete, None, 204),
        ]
        if self.change:
            found.append(Route('PUT', each, self.update, None, noun=self.noun))
        return tuple(found)

    def index(self, call: Call) -> Any:
        """GET of the collection."""
        ever(call, f'get_{self.noun.one}')
        self.before_list(call)
        cut = page(call, self.noun, self.special)
        try:
            with call.db.read() as tx:
                rows = self.find(tx, call.context, cut)
                call.children = self.children(call, tx, rows)
        except errors.Invalid as why:
            raise bad(why.sentence) from why
        return {self.noun.many: shown(call, self.noun, rows), **links(call, self.noun, rows, cut)}

    def views(self, call: Call, tx: db.Tx, found_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those as the asker may see them."""
        rows = [self.show_row(tx, call.context, found) for found in found_ids]
        call.children = self.children(call, tx, rows)
        return shown(call, self.noun, rows)

    def show(self, call: Call, id: str) -> Any:
        """GET of one."""
        ever(call, f'get_{self.noun.one}')
        with call.db.read() as tx:
            return {self.noun.one: self.views(call, tx, [id])[0]}

    def create(self, call: Call) -> Any:
        """POST: one, or several in one transaction."""
        several = isinstance(call.given, list)
        wanted = call.given if several else [call.given]
        for given in wanted:
            own_alone(call, given)
        ever(call, f'create_{self.noun.one}')
        self.before_create(wanted)
        with call.db.write() as tx:
            notifications.notify(call, tx, f'{self.noun.one}.create.start', call.body)
            made = [self._create(call, tx, given) for given in wanted]
            views = self.views(call, tx, made)
            answer = {self.noun.many: views} if several else {self.noun.one: views[0]}
            notifications.notify(call, tx, f'{self.noun.one}.create.end', answer)
        return answer

    def _create(self, call: Call, tx: db.Tx, given: Given) -> str:
        parent = self.parent(call, tx, given)
        given['project_id'] = given.get('project_id') or call.context.project_id or ''
        target = {'project_id': given['project_id'], 'tenant_id': given['project_id'], **self.draft(parent, given)}
        self._check(call, CREATE, given, target)
        return self.add(call, tx, given, parent)

    def _check(self, call: Call, verb: str, given: Given, target: dict[str, Any]) -> None:
        rule = f'{verb}_{self.noun.one}'
        call.check(rule, **target)
        for name, field in self.noun.fields:
            if name in given.sent and field.asks(verb, given[column_of(name, field)]):
                call.check(f'{rule}:{name}', **target)

    def update(self, call: Call, id: str) -> Any:
        """PUT of one."""
        ever(call, f'update_{self.noun.one}')
        with call.db.write() as tx:
            row = self.show_row(tx, call.context, id)
            with self._told(call, row):
                self._check(call, UPDATE, call.given, self._target(tx, row, call.given))
            check_revision(call, row)
            assert self.change
            notifications.notify(call, tx, f'{self.noun.one}.update.start', {**call.body, 'id': id})
            self.change(call, tx, row, call.given)
            answer = {self.noun.one: self.views(call, tx, [id])[0]}
            notifications.notify(call, tx, f'{self.noun.one}.update.end', answer)
            return answer

    def delete(self, call: Call, id: str) -> Any:
        """DELETE of one."""
        ever(call, f'delete_{self.noun.one}')
        with call.db.write() as tx:
            row = self.show_row(tx, call.context, id)
            with self._told(call, row):
                call.check(f'delete_{self.noun.one}', **self._target(tx, row))
            check_revision(call, row)
            gone = {f'{self.noun.one}_id': id}
            notifications.notify(call, tx, f'{self.noun.one}.delete.start', gone)
            if tx.publisher is not None:
                gone = {**gone, self.noun.one: self.views(call, tx, [id])[0]}
            self.remove(call, tx, row)
            notifications.notify(call, tx, f'{self.noun.one}.delete.end', gone)
        return Reply()

    @contextlib.contextmanager
    def _told(self, call: Call, row: Any) -> Iterator[None]:
        """A refusal by policy tells no other project that the row is there, where that is a secret."""
        try:
            yield
        except errors.Forbidden as why:
            if self.secret and row.project_id != call.context.project_id:
                raise errors.NotFound('The resource could not be found.', type='HTTPNotFound') from why
            raise

    def _target(self, tx: db.Tx, row: Any, given: Given | None = None) -> dict[str, Any]:
        """The target of the policy rules for a row, and for what an update is to make of it."""
        target = {'project_id': row.project_id, 'tenant_id': row.project_id, **self.target(tx, row)}
        return target if given is None else target | self.wish(given)
