"""List, show, create, update and delete of what belongs to one other resource and is found below its path."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from nimbus.api.kit.fields import CREATE, UPDATE
from nimbus.api.kit.routes import Call, Reply, Route
from nimbus.api.network import notifications
from nimbus.api.network.attributes import Given, NeutronNoun, bad, column_of
from nimbus.api.network.resources import ever, links, page, shown
from nimbus.common import errors
from nimbus.common.database import db
from nimbus.common.database.listing import Page


@dataclasses.dataclass(frozen=True)
class Nested:
    """A noun below another one, its parent; the fields are the functions by which its module does what is asked."""

    noun: type[NeutronNoun]
    rule: str  # what the policy's rules are called after their verb
    parent: Callable[[db.Tx, Any, str], Any]  # of an id.  Raises NotFound
    find: Callable[[db.Tx, Any, Page], list[Any]]  # of a parent
    show_row: Callable[[db.Tx, Any, str], Any]  # of a parent and an id
    add: Callable[[Call, db.Tx, Any, Given], str]
    change: Callable[[Call, db.Tx, Any, Any, Given], None]
    remove: Callable[[Call, db.Tx, Any, Any], None]

    def routes(self, path: str, child: str) -> tuple[Route, ...]:
        """The noun's endpoints; the parent's id is {id} in the path, and its own id is named by `child`."""
        each = f'{path}/{{{child}}}'
        return (
            Route('GET', path, self.index, None),
            Route('POST', path, self.create, None, 201, noun=self.noun),
            Route('GET', each, self.show, None),
            Route('PUT', each, self.update, None, noun=self.noun),
            Route('DELETE', each, self.delete, None, 204),
        )

    def _parent(self, call: Call, tx: db.Tx, verb: str, id: str) -> Any:
        """The parent, for one who may do that with what is below it.  Raises NotFound, Forbidden."""
        row = self.parent(tx, call.context, id)
        owner = {'project_id': row.project_id, 'tenant_id': row.project_id, 'ext_parent:project_id': row.project_id}
        call.check(f'{verb}_{self.rule}', **owner)
        return row

    def _view(self, call: Call, row: Any) -> dict[str, Any]:
        return {self.noun.one: shown(call, self.noun, [row])[0]}

    def index(self, call: Call, id: str) -> Any:
        """GET of the collection."""
        ever(call, f'get_{self.rule}')
        cut = page(call, self.noun)
        try:
            with call.db.read() as tx:
                rows: Sequence[Any] = self.find(tx, self._parent(call, tx, 'get', id), cut)
        except errors.Invalid as why:
            raise bad(why.sentence) from why
        return {self.noun.many: shown(call, self.noun, rows), **links(call, self.noun, rows, cut)}

    def show(self, call: Call, id: str, **child: str) -> Any:
        """GET of one."""
        ever(call, f'get_{self.rule}')
        with call.db.read() as tx:
            return self._view(call, self.show_row(tx, self._parent(call, tx, 'get', id), *child.values()))

    def create(self, call: Call, id: str) -> Any:
        """POST: one, or several in one transaction."""
        several = isinstance(call.given, list)
        wanted: list[Any] = call.given if several else [call.given]
        ever(call, f'create_{self.rule}')
        with call.db.write() as tx:
            parent = self._parent(call, tx, 'create', id)
            self._check(call, CREATE, parent, wanted)
            notifications.notify(call, tx, f'{self.noun.one}.create.start', call.body)
            made = [self.add(call, tx, parent, given) for given in wanted]
            rows = [self.show_row(tx, parent, one) for one in made]
            views = shown(call, self.noun, rows)
            answer = {self.noun.many: views} if several else {self.noun.one: views[0]}
            notifications.notify(call, tx, f'{self.noun.one}.create.end', answer)
        return answer

    def _check(self, call: Call, verb: str, parent: Any, wanted: Sequence[Any]) -> None:
        """Nothing, when the asker may give the attributes that have rules of their own.  Raises Forbidden."""
        for given in wanted:
            for name, field in self.noun.fields:
                if name in given.sent and field.asks(verb, given[column_of(name, field)]):
                    call.check(f'{verb}_{self.rule}:{name}', project_id=parent.project_id)

    def update(self, call: Call, id: str, **child: str) -> Any:
        """PUT of one."""
        ever(call, f'update_{self.rule}')
        with call.db.write() as tx:
            parent = self._parent(call, tx, 'update', id)
            row = self.show_row(tx, parent, *child.values())
            self._check(call, UPDATE, parent, [call.given])
            notifications.notify(call, tx, f'{self.noun.one}.update.start', {**call.body, 'id': row.id})
            self.change(call, tx, parent, row, call.given)
            answer = self._view(call, self.show_row(tx, parent, row.id))
            notifications.notify(call, tx, f'{self.noun.one}.update.end', answer)
            return answer

    def delete(self, call: Call, id: str, **child: str) -> Any:
        """DELETE of one."""
        ever(call, f'delete_{self.rule}')
        with call.db.write() as tx:
            parent = self._parent(call, tx, 'delete', id)
            row = self.show_row(tx, parent, *child.values())
            gone = {f'{self.noun.one}_id': row.id}
            notifications.notify(call, tx, f'{self.noun.one}.delete.start', gone)
            self.remove(call, tx, parent, row)
            notifications.notify(call, tx, f'{self.noun.one}.delete.end', gone)
        return Reply()
