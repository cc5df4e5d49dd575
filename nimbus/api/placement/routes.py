"""Every endpoint of the Placement API.  What is claimed only the scheduler changes; operators make traits."""

from nimbus.api.kit.fields import Shape
from nimbus.api.kit.routes import Route
from nimbus.api.placement import allocations, candidates, info, inventories, providers, traits
from nimbus.api.placement.policies import PROVIDERS

ONE = '/resource_providers/{uuid}'
SET_TRAITS = {
    'type': 'object',
    'properties': {
        'traits': {'type': 'array', 'items': {'type': 'string', 'minLength': 1, 'maxLength': 255}},
        'resource_provider_generation': {'type': 'integer'},
    },
    'required': ['traits', 'resource_provider_generation'],
    'additionalProperties': False,
}

ROUTES = (
    Route('GET', '/', info.versions, None, open=True),
    Route('GET', '/resource_providers', providers.index, f'{PROVIDERS}list'),
    Route('GET', ONE, providers.show, f'{PROVIDERS}show'),
    Route('GET', f'{ONE}/inventories', inventories.index, f'{PROVIDERS}inventories:list'),
    Route('GET', f'{ONE}/inventories/{{name}}', inventories.show, f'{PROVIDERS}inventories:show'),
    Route('GET', f'{ONE}/usages', inventories.usages, f'{PROVIDERS}usages'),
    Route('GET', f'{ONE}/aggregates', providers.aggregates, f'{PROVIDERS}aggregates:list', since=(1, 1)),
    Route('GET', f'{ONE}/traits', providers.show_traits, f'{PROVIDERS}traits:list', since=(1, 6)),
    Route(
        'PUT', f'{ONE}/traits', providers.set_traits, f'{PROVIDERS}traits:update', since=(1, 6), shape=Shape(SET_TRAITS)
    ),
    Route('DELETE', f'{ONE}/traits', providers.drop_traits, f'{PROVIDERS}traits:delete', 204, since=(1, 6)),
    Route('GET', f'{ONE}/allocations', allocations.of_provider, f'{PROVIDERS}allocations:list'),
    Route('GET', '/allocations/{uuid}', allocations.of_consumer, 'placement:allocations:list'),
    # Only the handler knows which project's usages are asked for, so it checks the rule.
    Route('GET', '/usages', allocations.usages, None, since=(1, 9)),
    Route('GET', '/resource_classes', info.classes, 'placement:resource_classes:list', since=(1, 2)),
    Route('GET', '/resource_classes/{name}', info.show_class, 'placement:resource_classes:show', since=(1, 2)),
    Route('GET', '/traits', traits.index, 'placement:traits:list', since=(1, 6)),
    Route('GET', '/traits/{name}', traits.show, 'placement:traits:show', 204, since=(1, 6)),
    Route('PUT', '/traits/{name}', traits.create, 'placement:traits:update', 201, since=(1, 6)),
    Route('DELETE', '/traits/{name}', traits.delete, 'placement:traits:delete', 204, since=(1, 6)),
    Route('GET', '/allocation_candidates', candidates.index, 'placement:allocation_candidates:list', since=(1, 10)),
)
