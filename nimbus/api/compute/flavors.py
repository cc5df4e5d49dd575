"""Flavors, their extra specs and their access lists over HTTP."""

from typing import Any

from nimbus.api.compute import microversions, policies, shapes
from nimbus.api.compute.projects import check_exists
from nimbus.api.kit import paging
from nimbus.api.kit.fields import Flag, Int, Listing, Mapping, Noun, Shape, Text
from nimbus.api.kit.routes import Call
from nimbus.api.kit.versions import Version
from nimbus.common import errors, numbers
from nimbus.common.database import listing
from nimbus.compute.flavors import extra_specs, flavors

SORTS = {
    'created_at': 'created_at',
    'description': 'description',
    'disabled': 'disabled',
    'ephemeral_gb': 'ephemeral',
    'flavorid': 'id',
    'id': 'seq',
    'is_public': 'is_public',
    'memory_mb': 'ram',
    'name': 'name',
    'root_gb': 'disk',
    'rxtx_factor': 'rxtx_factor',
    'swap': 'swap',
    'updated_at': 'updated_at',
    'vcpus': 'vcpus',
}
QUERY = ('limit', 'marker', 'is_public', 'minRam', 'minDisk', 'sort_key', 'sort_dir')
DROPPED: Version = (2, 101)  # the last version with what means nothing


class FlavorName(Noun):
    """A flavor in the short list."""

    one, many = 'flavor', 'flavors'
    id = Text()
    name = Text()
    links = Listing(source=paging.links_of('flavors'))
    description = Text(since=microversions.FlavorDescriptions.number)


class Flavor(FlavorName):
    """A flavor."""

    ram = Int()
    disk = Int()
    vcpus = Int()
    plain_swap = Text(wire='swap', source=lambda row, call: row.swap or '', until=(2, 74))
    swap = Int(since=microversions.StrictQueries.number)
    ephemeral = Int(wire='OS-FLV-EXT-DATA:ephemeral', source='ephemeral')
    disabled = Flag(wire='OS-FLV-DISABLED:disabled', source='disabled', until=DROPPED)
    is_public = Flag(wire='os-flavor-access:is_public', source='is_public')
    rxtx_factor = Int(source=lambda row, call: row.rxtx_factor or '', until=DROPPED)
    specs = Mapping(
        wire='extra_specs',
        source=lambda row, call: row.extra_specs if call.allows(f'{policies.API}os-flavor-extra-specs:index') else None,
        since=microversions.ExtraSpecsInFlavors.number,
        omit_none=True,
    )


class CreateShapes:
    """The shape of a new flavor, by version."""

    @staticmethod
    def for_version(version: Version) -> Shape:
        """The shape in that version."""
        fields: dict[str, Any] = {
            'name': shapes.NAME,
            'id': {
                'type': ['string', 'number', 'null'],
                'minLength': 1,
                'maxLength': 255,
                'pattern': r'^(?! )[a-zA-Z0-9. _-]+(?<! )$',
            },
            'ram': shapes.number(1),
            'vcpus': shapes.number(1),
            'disk': shapes.number(0),
            'OS-FLV-EXT-DATA:ephemeral': shapes.number(0),
            'swap': shapes.number(0),
            'rxtx_factor': {
                'type': ['number', 'string'],
                'pattern': r'^[0-9]{1,30}(\.[0-9]{1,30})?$',
                'exclusiveMinimum': 0,
                'maximum': 3.40282e38,
            },
            'os-flavor-access:is_public': shapes.BOOLEAN,
        }
        if version >= microversions.FlavorDescriptions.number:
            fields['description'] = shapes.FLAVOR_DESCRIPTION
        if version >= microversions.NoUnknownQueries.number:
            del fields['rxtx_factor']
        return shapes.under('flavor', shapes.closed(fields, ['name', 'ram', 'vcpus', 'disk']))


DESCRIBE = shapes.under('flavor', shapes.closed({'description': shapes.FLAVOR_DESCRIPTION}, ['description']))
SPECIFY = shapes.under('extra_specs', shapes.EXTRA_SPECS)
ONE_SPEC = Shape({**shapes.EXTRA_SPECS, 'minProperties': 1, 'maxProperties': 1})
_TENANT = shapes.closed({'tenant': shapes.PROJECT}, ['tenant'])
GRANT = shapes.action('addTenantAccess', _TENANT)
WITHDRAW = shapes.action('removeTenantAccess', _TENANT)


def index(call: Call) -> dict[str, Any]:
    """One page of flavors, by name."""
    return _page(call, FlavorName)


def detail(call: Call) -> dict[str, Any]:
    """One page of flavors."""
    return _page(call, Flavor)


def _page(call: Call, noun: type[Noun]) -> dict[str, Any]:
    named = call.speaks(microversions.NoUnknownQueries)
    if call.speaks(microversions.StrictQueries):
        shapes.known(call.query, *QUERY, *(['name'] if named else []))
    way = call.arg('sort_dir') or 'asc'
    key = call.arg('sort_key') or 'flavorid'
    sorts = {name: column for name, column in SORTS.items() if not (named and name == 'rxtx_factor')}
    if key not in sorts or way not in ('asc', 'desc'):
        raise errors.Invalid(
            f'Invalid input for query parameters sort_key. Value: {key[:80]} {way[:8]}. Flavors are sorted, asc or '
            f'desc, by one of {", ".join(sorts)}.'
        )
    page = listing.Page(
        limit=paging.limit(call, paging.MAX_LIMIT), marker=call.arg('marker') or None, sorts=((SORTS[key], way),)
    )
    least = {name: _least(call, wire) for name, wire in (('min_ram', 'minRam'), ('min_disk', 'minDisk'))}
    name = call.arg('name') if named else None
    with call.db.read() as tx:
        rows = flavors.find(tx, call.context, page, public=_public(call), name=name, **least)
    links = paging.next_link(call, rows, page)
    return call.views(noun, rows, **({'flavors_links': links} if links else {}))


def _least(call: Call, name: str) -> int:
    text = call.arg(name)
    if text is None:
        return 0
    least = numbers.read(text)
    if least is None:
        raise errors.Invalid(f'Invalid {name} filter [{text[:80]}]')
    return least


def _public(call: Call) -> bool | None:
    """Whether public flavors are asked for; only an operator may ask for others."""
    text = call.arg('is_public')
    if not call.context.is_admin or text is None:
        return True
    if text.lower() == 'none':
        return None
    if text.strip().lower() not in ('1', 't', 'true', 'on', 'y', 'yes', '0', 'f', 'false', 'off', 'n', 'no'):
        raise errors.Invalid(f'Invalid is_public filter [{text[:80]}]')
    return shapes.flag(text)


def show(call: Call, id: str) -> dict[str, Any]:
    """One flavor."""
    with call.db.read() as tx:
        return call.view(Flavor, flavors.show(tx, call.context, id))


def _size(given: dict[str, Any], name: str) -> int:
    return numbers.whole(given.get(name, 0), name, most=shapes.MAX_INT)


def create(call: Call) -> dict[str, Any]:
    """The new flavor."""
    given = call.body['flavor']
    wanted = flavors.Wanted(
        name=given['name'],
        id=str(given['id']) if given.get('id') is not None else None,
        vcpus=_size(given, 'vcpus'),
        ram=_size(given, 'ram'),
        disk=_size(given, 'disk'),
        ephemeral=_size(given, 'OS-FLV-EXT-DATA:ephemeral'),
        swap=_size(given, 'swap'),
        rxtx_factor=float(given.get('rxtx_factor', 1.0)),
        is_public=shapes.flag(given.get('os-flavor-access:is_public', True)),
        description=given.get('description'),
    )
    with call.db.write() as tx:
        return call.view(Flavor, flavors.create(tx, wanted))


def update(call: Call, id: str) -> dict[str, Any]:
    """The flavor with its new description."""
    with call.db.write() as tx:
        return call.view(Flavor, flavors.describe(tx, id, call.body['flavor']['description']))


def delete(call: Call, id: str) -> None:
    """202: no new server can have the flavor."""
    with call.db.write() as tx:
        flavors.delete(tx, id)


def specs(call: Call, id: str) -> dict[str, Any]:
    """The flavor's extra specs."""
    with call.db.read() as tx:
        return {'extra_specs': flavors.show(tx, call.context, id).extra_specs}


def spec(call: Call, id: str, key: str) -> dict[str, Any]:
    """One extra spec."""
    with call.db.read() as tx:
        held = flavors.show(tx, call.context, id).extra_specs
    if key not in held:
        raise errors.NotFound(f'Flavor {id} has no extra specs with key {key}.')
    return {key: held[key]}


def specify(call: Call, id: str) -> dict[str, Any]:
    """The extra specs that were given."""
    return _specify(call, id, call.body['extra_specs'])


def specify_one(call: Call, id: str, key: str) -> dict[str, Any]:
    """The extra spec that was given."""
    if key not in call.body:
        raise errors.Invalid('Request body and URI mismatch')
    return _specify(call, id, call.body)['extra_specs']


def _specify(call: Call, id: str, given: dict[str, Any]) -> dict[str, Any]:
    specs = {name: str(value) for name, value in given.items()}
    if call.speaks(microversions.ExtraSpecsChecked):
        extra_specs.check(specs)
    with call.db.write() as tx:
        flavors.specify(tx, id, specs)
    return {'extra_specs': given}


def unspecify(call: Call, id: str, key: str) -> None:
    """The flavor has no such extra spec."""
    with call.db.write() as tx:
        flavors.unspecify(tx, id, key)


def access(call: Call, id: str) -> dict[str, Any]:
    """The projects that may use the flavor."""
    with call.db.read() as tx:
        return _access(id, flavors.access(tx, id))


def _access(flavor_id: str, projects: list[str]) -> dict[str, Any]:
    return {'flavor_access': [{'flavor_id': flavor_id, 'tenant_id': project} for project in projects]}


def grant(call: Call, id: str) -> dict[str, Any]:
    """One project more may use the flavor; answers all that may."""
    with call.db.write() as tx:
        check_exists(tx, call.context, call.given['tenant'])
        public = flavors.show(tx, call.context, id).is_public
        if public and call.speaks(microversions.AccessToPublicFlavor):
            raise errors.Conflict('Can not add access to a public flavor.')
        flavors.grant(tx, call.context, id, call.given['tenant'])
        return _access(id, flavors.granted_to(tx, id))


def withdraw(call: Call, id: str) -> dict[str, Any]:
    """One project less may use the flavor; answers all that may."""
    with call.db.write() as tx:
        flavors.withdraw(tx, call.context, id, call.given['tenant'])
        return _access(id, flavors.granted_to(tx, id))
