"""GET /allocation_candidates: the allocations that would be possible for what is asked for.

Every provider is a tree of its own and shares nothing, so all groups of a candidate are met by one provider.
"""

import collections
import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from nimbus.api.kit.routes import Call, Reply
from nimbus.api.placement import filters, microversions, nodes
from nimbus.api.placement.dates import dated
from nimbus.api.placement.filters import Fits, Required
from nimbus.api.placement.nodes import Node
from nimbus.api.placement.resource_classes import known
from nimbus.common import errors, numbers
from nimbus.scheduler import traits

BAD = 'placement.query.bad_value'
NUMBER, NAME = r'[1-9][0-9]*', r'[a-zA-Z0-9_-]{1,64}'
PLAIN = {'resources': microversions.Candidates, 'limit': microversions.Limits, 'group_policy': microversions.Groups}
PLAIN |= {'required': microversions.CandidatesByTraits, 'member_of': microversions.CandidatesByAggregate}
PLAIN |= {'in_tree': microversions.CandidatesInTree, 'root_required': microversions.RootTraits}
PLAIN |= {'same_subtree': microversions.Subtrees}
SUFFIXED = ('resources', 'required', 'member_of', 'in_tree')


@dataclasses.dataclass
class Group:
    """What one provider is to meet of a request."""

    resources: dict[str, int]
    required: Required
    belongs: Fits
    by_aggregate: bool  # whether it asks for aggregates at all
    in_tree: str | None

    def fits(self, node: Node) -> bool:
        """Whether the provider has the traits, aggregates and tree of the group; its room is another question."""
        return self.in_tree in (None, node.id) and self.belongs(node) and self.required(node)


def index(call: Call) -> Reply:
    """GET /allocation_candidates.  Raises Invalid."""
    groups = _groups(call)
    root = _root(call)
    limit, isolated = _wide(call, groups)
    with call.db.read() as tx:
        _check_traits(traits.names(tx), root, groups)
        found = [node for node in nodes.find(tx) if root(node) and _meets(node, groups)]
    several = sum(1 for suffix, group in groups.items() if suffix and group.resources) > 1
    found = [] if isolated and several else found[:limit]
    body = {
        'allocation_requests': [_request(call, node, groups) for node in found],
        'provider_summaries': {node.id: _summary(call, node, groups) for node in found},
    }
    return dated(call, body)


def _groups(call: Call) -> dict[str, Group]:
    """What is asked for, by the suffix of its parameters.  Raises Invalid."""
    suffixes = _suffixes(call)
    found = {}
    for suffix in suffixes:
        given, tree = call.arg(f'resources{suffix}'), call.arg(f'in_tree{suffix}')
        found[suffix] = Group(
            {} if given is None else filters.resources(given),
            filters.required(call, suffix),
            filters.aggregates(call, suffix),
            bool(call.query.get(f'member_of{suffix}')),
            None if tree is None else filters.read_uuid('in_tree', tree),
        )
    if call.speaks(microversions.Subtrees):
        _check_subtrees(call, found)
    else:
        _check_orphans(found)
    if call.speaks(microversions.ForbiddenTraits):
        _check_conflicts(found)
    return found


def _suffixes(call: Call) -> list[str]:
    """The suffixes of groups, blank for what has none.  Raises Invalid for a parameter that the version has not."""
    plain = [name for name, change in PLAIN.items() if call.speaks(change)]
    pattern = NAME if call.speaks(microversions.NamedGroups) else NUMBER
    with_suffix = [name for name in SUFFIXED if name in plain] if call.speaks(microversions.Groups) else []
    form = re.compile(rf'({"|".join(with_suffix) or "(?!)"})({pattern})')
    found: dict[str, None] = {}
    for name in call.query:
        if name in plain:
            if name in SUFFIXED:
                found[''] = None
        elif match := form.fullmatch(name):
            found[match[2]] = None
        else:
            known(call, *(other for other in call.query if other != name))
    if not call.speaks(microversions.Groups) and 'resources' not in call.query:
        raise errors.Invalid("Invalid query string parameters: 'resources' is a required property")
    return list(found)


def _check_orphans(groups: dict[str, Group]) -> None:
    bare = {suffix: group for suffix, group in groups.items() if not group.resources}
    if named := [f'required{suffix}' for suffix, group in bare.items() if group.required.sets]:
        raise errors.Invalid(
            'All traits parameters must be associated with resources.  Found the following orphaned traits keys: '
            f'{", ".join(named)}'
        )
    if named := [f'member_of{suffix}' for suffix, group in bare.items() if group.by_aggregate]:
        raise errors.Invalid(
            'All member_of parameters must be associated with resources. Found the following orphaned member_of keys: '
            f'{", ".join(named)}'
        )
    if bare:
        raise errors.Invalid('All request groups must specify resources.')
    if not groups:
        raise errors.Invalid('At least one request group (`resources` or `resources{$S}`) is required.')


def _check_subtrees(call: Call, groups: dict[str, Group]) -> None:
    named: set[str] = set()
    for value in call.query.get('same_subtree', []):
        parts = {part.strip() for part in value.split(',')}
        if '' in parts:
            raise errors.Invalid('Empty string (unsuffixed group) can not be specified in `same_subtree` ', code=BAD)
        named |= parts
    bare = [suffix for suffix, group in groups.items() if not group.resources]
    if len(bare) == len(groups):
        raise errors.Invalid(
            'There must be at least one resources or resources[$S] parameter.', code='placement.query.missing_value'
        )
    if bad := [suffix for suffix in bare if suffix not in named]:
        raise errors.Invalid(
            'Resourceless suffixed group request should be specified in `same_subtree` query param: bad group(s) - '
            f'{bad}.',
            code=BAD,
        )
    if bad := sorted(named - groups.keys()):
        raise errors.Invalid(
            f'Real suffixes should be specified in `same_subtree`: {bad} not found in {list(groups)}.', code=BAD
        )


def _check_conflicts(groups: dict[str, Group]) -> None:
    told = [f'required{suffix}: ({each})' for suffix, group in groups.items() for each in group.required.conflicts()]
    if told:
        raise errors.Invalid(
            f'Conflicting required and forbidden traits found in the following traits keys: {", ".join(sorted(told))}'
        )


def _check_traits(there: frozenset[str], root: Required, groups: dict[str, Group]) -> None:
    named = root.named.union(*(group.required.named for group in groups.values()))
    if unknown := sorted(named - there):
        raise errors.Invalid(f'No such trait(s): {", ".join(unknown)}.')


def _root(call: Call) -> Required:
    """What the root of the tree is to have, which is the provider itself.  Raises Invalid."""
    if len(call.query.get('root_required', [])) > 1:
        raise errors.Invalid(
            "Query parameter 'root_required' may be specified only once.", code='placement.query.duplicate_key'
        )
    found = filters.required(call, name='root_required')
    if told := found.conflicts():
        raise errors.Invalid(
            f'Conflicting required and forbidden traits found in root_required: {", ".join(told)}', code=BAD
        )
    return found


def _wide(call: Call, groups: dict[str, Group]) -> tuple[int | None, bool]:
    """How many candidates are wanted at most, and whether each group is to have a provider of its own.

    Raises Invalid.
    """
    limit = None
    if given := call.query.get('limit'):
        limit = numbers.read(given[0])
        if limit is None or limit < 1 or given[0].startswith('0'):
            raise errors.Invalid(f"Invalid query string parameters: '{given[0]}' does not match '^[1-9][0-9]*$'")
    policy = (call.query.get('group_policy') or [None])[0]
    if policy not in (None, 'none', 'isolate'):
        raise errors.Invalid(f"Invalid query string parameters: '{policy}' is not one of ['none', 'isolate']")
    if policy is None and sum(1 for suffix in groups if suffix) > 1:
        raise errors.Invalid(
            'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.'
        )
    return limit, policy == 'isolate'


def _amounts(groups: dict[str, Group]) -> dict[str, int]:
    whole: collections.Counter[str] = collections.Counter()
    for group in groups.values():
        whole.update(group.resources)
    return dict(whole)


def _meets(node: Node, groups: dict[str, Group]) -> bool:
    if not all(group.fits(node) for group in groups.values()):
        return False
    return all(node.has_room(name, amount) for name, amount in _amounts(groups).items())


def _request(call: Call, node: Node, groups: dict[str, Group]) -> dict[str, Any]:
    """What a client may ask for as an allocation."""
    amounts = _amounts(groups)
    if not call.speaks(microversions.Owners):
        return {'allocations': [{'resource_provider': {'uuid': node.id}, 'resources': amounts}]}
    found: dict[str, Any] = {'allocations': {node.id: {'resources': amounts}}}
    if call.speaks(microversions.Mappings):
        found['mappings'] = {suffix: [node.id] for suffix in groups}
    return found


def _summary(call: Call, node: Node, groups: dict[str, Group]) -> dict[str, Any]:
    """What is known of the provider of a candidate."""
    whole = call.speaks(microversions.WholeSummaries)
    shown: Sequence[str] = [name for name in node.classes if whole or name in _amounts(groups)]
    found: dict[str, Any] = {
        'resources': {name: {'capacity': node.capacity(name), 'used': node.used(name)} for name in shown}
    }
    if call.speaks(microversions.CandidatesByTraits):
        found['traits'] = sorted(node.traits)
    if call.speaks(microversions.TreesOfCandidates):
        found |= {'parent_provider_uuid': None, 'root_provider_uuid': node.id}
    return found
