"""Qualities of service of volumes: specs that operators keep and volume types refer to, and what a host obeys of them.

The specs are obeyed where a volume is opened (`front-end`), in its store (`back-end`, which the stores here do not
do), or in both.
"""

from typing import Any

import sqlalchemy as sa

from nimbus.common import clock, errors, ids, numbers
from nimbus.common.database import db, listing
from nimbus.volume.models import QosSpecs, VolumeType

CONSUMERS = ('front-end', 'back-end', 'both')
FILTERS = ('id', 'name', 'consumer')
RATES = tuple(f'{way}_{what}_sec' for what in ('bytes', 'iops') for way in ('total', 'read', 'write'))


def show(tx: db.Tx, qos_id: str) -> Any:
    """One row of specs.  Raises NotFound."""
    row = tx.row(sa.select(QosSpecs).where(QosSpecs.id == qos_id))
    if row is None:
        raise errors.NotFound(f'No such QoS spec {qos_id}.')
    return row


def find(tx: db.Tx, page: listing.Page) -> list[Any]:
    """A page of specs that match.  Raises Invalid."""
    where = [getattr(QosSpecs, name) == value for name, value in page.filters.items()]
    return listing.rows(tx, QosSpecs, where, page, seen=[])


def create(tx: db.Tx, name: str, given: dict[str, str]) -> Any:
    """New specs stand.  Raises Conflict when their name is taken, and Invalid."""
    if tx.scalar(sa.select(QosSpecs.seq).where(QosSpecs.name == name)) is not None:
        raise errors.Conflict(f'QoS Specs {name} already exists.')
    consumer, specs = _split(given)
    qos_id = ids.dashed()
    made = {'consumer': consumer or 'back-end', 'specs': specs, 'created_at': clock.Clock().now()}
    tx.insert(QosSpecs, id=qos_id, name=name, **made)
    return show(tx, qos_id)


def _split(given: dict[str, str]) -> tuple[str | None, dict[str, str]]:
    """(consumer, specs) of what is given together; a rate is a whole number.  Raises Invalid."""
    specs = {key: value for key, value in given.items() if key != 'consumer'}
    consumer = given.get('consumer')
    if 'consumer' in given and consumer not in CONSUMERS:
        raise errors.Invalid(f'Invalid qos specs: Valid consumer of QoS specs are: {", ".join(CONSUMERS)}.')
    for key, value in specs.items():
        if key.partition('_sec')[0] + '_sec' in RATES and numbers.read(value) is None:
            raise errors.Invalid(f'Invalid qos specs: {key} is a whole number, not {str(value)[:40]}.')
    return consumer, specs


def change(tx: db.Tx, qos_id: str, given: dict[str, str]) -> None:
    """The specs given stand beside those that were there.  Raises NotFound and Invalid."""
    row = show(tx, qos_id)
    consumer, specs = _split(given)
    _write(tx, row, consumer=consumer or row.consumer, specs={**row.specs, **specs})


def forget_keys(tx: db.Tx, qos_id: str, keys: list[str]) -> None:
    """The specs have none of the keys.  Raises NotFound for specs or a key that are not there."""
    row = show(tx, qos_id)
    for key in keys:
        if key not in row.specs:
            raise errors.NotFound(f'QoS spec {qos_id} has no spec with key {key}.')
    _write(tx, row, specs={key: value for key, value in row.specs.items() if key not in keys})


def _write(tx: db.Tx, row: Any, **values: Any) -> None:
    tx.update(QosSpecs, QosSpecs.id == row.id, updated_at=clock.Clock().now(), **values)


def types_of(tx: db.Tx, qos_id: str) -> list[Any]:
    """The volume types that have the specs.  Raises NotFound."""
    show(tx, qos_id)
    return list(tx.rows(sa.select(VolumeType).where(VolumeType.qos_id == qos_id).order_by(VolumeType.seq)))


def associate(tx: db.Tx, qos_id: str, type_id: str) -> None:
    """The volume type has the specs.  Raises NotFound, and Invalid when it has others."""
    show(tx, qos_id)
    row = _type(tx, type_id)
    if row.qos_id not in (None, qos_id):
        raise errors.Invalid(
            f'Invalid volume type: Type {type_id} is already associated with another qos specs: {row.qos_id}'
        )
    tx.update(VolumeType, VolumeType.id == type_id, qos_id=qos_id)


def _type(tx: db.Tx, type_id: str) -> Any:
    row = tx.row(sa.select(VolumeType).where(VolumeType.id == type_id))
    if row is None:
        raise errors.NotFound(f'Volume type {type_id} could not be found.')
    return row


def part(tx: db.Tx, qos_id: str, type_id: str | None = None) -> None:
    """The volume type, or every one, does not have the specs any more.  Raises NotFound."""
    show(tx, qos_id)
    which = [VolumeType.id == _type(tx, type_id).id] if type_id else []
    tx.update(VolumeType, VolumeType.qos_id == qos_id, *which, qos_id=None)


def delete(tx: db.Tx, qos_id: str, *, force: bool) -> None:
    """The specs are gone, with `force` from the types that had them too.  Raises NotFound and Invalid."""
    if types_of(tx, qos_id):
        if not force:
            raise errors.Invalid('Qos specs still in use.')
        part(tx, qos_id)
    tx.delete(QosSpecs, QosSpecs.id == qos_id)


def in_front(tx: db.Tx, type_id: str | None, size: int) -> dict[str, str] | None:
    """What whoever opens a volume of the type and size obeys, with rates per GiB worked out; None where nothing is."""
    query = sa.select(QosSpecs).join(VolumeType, VolumeType.qos_id == QosSpecs.id).where(VolumeType.id == type_id)
    row = tx.row(query)
    if row is None or row.consumer == 'back-end':
        return None
    found = {key: value for key, value in row.specs.items() if not key.endswith(('_per_gb', '_per_gb_min', '_sec_max'))}
    for rate in RATES:
        per_gib, least, most = (_number(row.specs, f'{rate}_{end}') for end in ('per_gb', 'per_gb_min', 'max'))
        if per_gib is not None:
            wanted = max(per_gib * size, least or 0)
            found[rate] = str(wanted if most is None else min(wanted, most))
        elif most is not None:
            found[f'{rate}_max'] = str(most)
    return found or None


def _number(specs: dict[str, str], key: str) -> int | None:
    return numbers.read(specs.get(key, ''))
