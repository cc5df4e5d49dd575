"""Every endpoint of the Placement API.  Only the scheduler changes the data, so all routes are GET."""

from nimbus.api.kit.routes import Route
from nimbus.api.placement import allocations, info, inventories, providers
from nimbus.api.placement.policies import PROVIDERS

ONE = '/resource_providers/{uuid}'

ROUTES = (
    Route('GET', '/', info.versions, None, open=True),
    Route('GET', '/resource_providers', providers.index, f'{PROVIDERS}list'),
    Route('GET', ONE, providers.show, f'{PROVIDERS}show'),
    Route('GET', f'{ONE}/inventories', inventories.index, f'{PROVIDERS}inventories:list'),
    Route('GET', f'{ONE}/inventories/{{name}}', inventories.show, f'{PROVIDERS}inventories:show'),
    Route('GET', f'{ONE}/usages', inventories.usages, f'{PROVIDERS}usages'),
    Route('GET', f'{ONE}/aggregates', providers.aggregates, f'{PROVIDERS}aggregates:list', since=(1, 1)),
    Route('GET', f'{ONE}/traits', providers.traits, f'{PROVIDERS}traits:list', since=(1, 6)),
    Route('GET', f'{ONE}/allocations', allocations.of_provider, f'{PROVIDERS}allocations:list'),
    Route('GET', '/allocations/{uuid}', allocations.of_consumer, 'placement:allocations:list'),
    # Only the handler knows which project's usages are asked for, so it checks the rule.
    Route('GET', '/usages', allocations.usages, None, since=(1, 9)),
    Route('GET', '/resource_classes', info.classes, 'placement:resource_classes:list', since=(1, 2)),
    Route('GET', '/resource_classes/{name}', info.show_class, 'placement:resource_classes:show', since=(1, 2)),
    Route('GET', '/traits', info.traits, 'placement:traits:list', since=(1, 6)),
    Route('GET', '/traits/{name}', info.show_trait, 'placement:traits:show', since=(1, 6)),
)
