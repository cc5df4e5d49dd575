"""Give a server another flavor, keep what it was until its user has looked, and then decide."""

from typing import Any

from nimbus.common import context, errors, jobs
from nimbus.common.database import db
from nimbus.compute import states
from nimbus.compute.devices import block_requests
from nimbus.compute.flavors import flavors
from nimbus.compute.servers import boot_checks, guests, servers
from nimbus.compute.servers.moves import moves
from nimbus.scheduler import claims

# The verb of a server that each kind of move is.
VERBS = {moves.RESIZE: 'resize', moves.MIGRATION: 'migrate'}


def resize(
    tx: db.Tx,
    asker: context.Context,
    server_id: str,
    flavor_id: str,
    *,
    disk_config: str | None = None,
    may_have_no_disk: bool = False,
) -> None:
    """The server is being given the flavor.

    Raises NotFound, Conflict, WrongState, OverQuota, and Invalid for a flavor that it cannot have.
    """
    row = servers.begin(tx, asker, server_id, 'resize', **({'disk_config': disk_config} if disk_config else {}))
    try:
        flavor = flavors.show(tx, asker, flavor_id)
    except errors.NotFound as why:
        raise errors.Invalid(why.sentence) from None
    if flavor.disabled:
        raise errors.Invalid(f'Flavor {flavor_id} could not be found.')
    if flavor.id == row.flavor_id:
        raise errors.Invalid('When resizing, instances must change flavor!')
    facts = flavors.facts(flavor)
    _check(servers.spec(tx, server_id), flavor, facts, may_have_no_disk)
    moves.none_open(tx, server_id)
    move_id = moves.begin(tx, row, asker.user_id, flavor.id, facts)
    jobs.start(tx, asker, 'resize_server', server_id, move_id=move_id, to_host=None)


def _check(spec: dict[str, Any], flavor: Any, facts: dict[str, Any], may_have_no_disk: bool) -> None:
    """Nothing, when the server can have the flavor without losing what is on its disks.  Raises Invalid."""
    boot_checks.wishes_can_be_met(flavor, spec['image'])
    block_requests.check_local(spec['bdms'], flavor)
    new = {**spec, 'flavor': facts}
    root = next((device for device in spec['bdms'] if device['boot_index'] == block_requests.ROOT), None)
    boot_checks.image_fits(spec['image'], flavor, may_have_no_disk or not spec['flavor']['disk'], root)
    if not guests.boots_from_volume(spec):
        if spec['flavor']['disk'] and not flavor.disk:
            raise _refused('Resize to zero disk flavor is not allowed.')
        if flavor.disk < spec['flavor']['disk']:
            raise _refused(f'its root disk of {spec["flavor"]["disk"]} GiB would shrink to {flavor.disk} GiB.')
    sizes = {blank.name: blank.size_mb for blank in guests.blanks(new)}
    for blank in guests.blanks(spec):
        if blank.name != guests.SWAP and sizes.get(blank.name, 0) < blank.size_mb:
            raise _refused(f'its ephemeral disk of {blank.size_mb >> 10} GiB would shrink.')


def _refused(reason: str) -> errors.Invalid:
    return errors.Invalid(f'Server disk was unable to be resized because: {reason}')


def confirm(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server keeps its new flavor; what it was is being forgotten.

    Raises NotFound, Conflict and WrongState, and Invalid when there is nothing to decide.
    """
    move_id = _decide(tx, asker, server_id, 'confirm_resize', moves.CONFIRMING, moves.CONFIRMABLE)
    jobs.start(tx, asker, 'confirm_resize', server_id, move_id=move_id)


def revert(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """The server is being given back what it was; what happened to its disks since is lost.

    Raises NotFound, Conflict and WrongState, and Invalid when there is nothing to decide.
    """
    move_id = _decide(tx, asker, server_id, 'revert_resize', moves.REVERTING, moves.REVERTIBLE)
    jobs.start(tx, asker, 'revert_resize', server_id, move_id=move_id)


def _decide(tx: db.Tx, asker: context.Context, server_id: str, verb: str, status: str, since: frozenset[str]) -> None:
    servers.begin(tx, asker, server_id, verb)
    move = moves.of(tx, server_id)
    if move is None or not moves.go(tx, move.id, status, since=since):
        raise errors.Invalid('Instance has not been resized.')
    return move.id


def let_stand(tx: db.Tx, asker: context.Context, server_id: str) -> None:
    """A server that leaves the state in which somebody could decide keeps its new flavor.

    A confirm that was cut off is begun again; of two that are under way one finds nothing left to do.
    """
    move = moves.of(tx, server_id)
    if move is not None and moves.go(tx, move.id, moves.CONFIRMING, since=moves.CONFIRMABLE):
        jobs.start(tx, asker, 'confirm_resize', server_id, move_id=move.id)


def drop(tx: db.Tx, server_id: str) -> None:
    """A server that is deleted holds nothing for a move."""
    move = moves.of(tx, server_id)
    if move is not None:
        claims.release(tx, move.id)
        moves.end(tx, move, moves.CONFIRMED if move.status in (moves.FINISHED, moves.CONFIRMING) else moves.FAILED)


def take_flavor(tx: db.Tx, server_id: str, flavor_id: str, flavor: dict[str, Any]) -> None:
    """The server's row has the flavor."""
    servers.resized(tx, server_id, flavor_id, flavor)


def described(tx: db.Tx, move_id: str) -> dict[str, Any]:
    """The guest of the move's server as it will be, as plain JSON."""
    move = moves.show(tx, move_id)
    return guests.describe(tx, move.server_id, flavor=move.new_flavor)


def settled_state(power_state: int) -> str:
    """The state of a server whose new size was confirmed while its guest was so."""
    return states.ACTIVE if power_state == states.RUNNING else states.STOPPED
