"""Filters by the properties of the aggregates that a host is in."""

from nimbus.scheduler import specs
from nimbus.scheduler.filters import Filter, Hosts, names
from nimbus.scheduler.host_cache import HostState
from nimbus.scheduler.request_spec import Request

SCOPE = 'aggregate_instance_extra_specs:'
TENANT = 'filter_tenant_id'  # what the names of the properties begin with that say whose servers a host is for
FLAVORS = 'instance_type'  # the property that names the flavors a host is for


class AggregateInstanceExtraSpecsFilter(Filter):
    """Keeps the hosts whose aggregates have what a flavor's extra specs ask for.

    It looks at extra specs of its own scope and at those without any; each value of a property in which there are
    commas counts.
    """

    def applies(self, request: Request) -> bool:
        return bool(_wanted(request))

    def passes(self, host: HostState, request: Request) -> bool:
        return not self._missing(host, request)

    def why(self, removed: Hosts, request: Request) -> str:
        return f'the aggregates of {removed[0].host} do not satisfy {", ".join(self._missing(removed[0], request))}'

    def wish(self, request: Request) -> str:
        return f'{", ".join(sorted(_wanted(request)))}, as the flavor asks'

    def _missing(self, host: HostState, request: Request) -> list[str]:
        return [
            f'{name} {wanted}'
            for name, wanted in sorted(_wanted(request).items())
            if not any(specs.matches(value, wanted) for value in host.properties.get(name, ()))
        ]


def _wanted(request: Request) -> dict[str, str]:
    """The extra specs that speak of aggregates, by the name of the property."""
    found = {name: value for name, value in request.extra_specs.items() if ':' not in name}
    scoped = {name: value for name, value in request.extra_specs.items() if name.startswith(SCOPE)}
    return found | {name.removeprefix(SCOPE): value for name, value in scoped.items()}


class AggregateMultiTenancyIsolation(Filter):
    """Passes over hosts whose aggregates name the projects that they are for, where the server's is none of them."""

    def passes(self, host: HostState, request: Request) -> bool:
        allowed = [values for name, values in host.properties.items() if name.startswith(TENANT)]
        return not allowed or any(request.project_id in values for values in allowed)

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{names(removed)} are for other projects'

    def wish(self, request: Request) -> str:
        return 'a host that is not kept for other projects'


class AggregateImagePropertiesIsolation(Filter):
    """Passes over hosts whose aggregates have a property that the image has too, with another value."""

    def applies(self, request: Request) -> bool:
        return bool(request.image_properties)

    def passes(self, host: HostState, request: Request) -> bool:
        return not self._other(host, request)

    def why(self, removed: Hosts, request: Request) -> str:
        host = removed[0]
        told = [f'{name} {" or ".join(sorted(host.properties[name]))}' for name in self._other(host, request)]
        return f'the aggregates of {host.host} are for images with {", ".join(told)}'

    def wish(self, request: Request) -> str:
        return 'a host for images with such properties'

    def _other(self, host: HostState, request: Request) -> list[str]:
        begins = self.settings['aggregate_image_properties_isolation_namespace']
        begins += self.settings['aggregate_image_properties_isolation_separator'] if begins else ''
        return [
            name
            for name, values in sorted(host.properties.items())
            if name.startswith(begins)
            and (has := request.image_properties.get(name)) not in (None, '')
            and str(has) not in values
        ]


class AggregateTypeAffinityFilter(Filter):
    """Passes over hosts whose aggregates name the flavors that they are for, where the server's is none of them."""

    def passes(self, host: HostState, request: Request) -> bool:
        allowed = host.properties.get(FLAVORS)
        return not allowed or request.flavor_name in allowed

    def why(self, removed: Hosts, request: Request) -> str:
        return f'{names(removed)} are for other flavors than {request.flavor_name}'

    def wish(self, request: Request) -> str:
        return f'a host for the flavor {request.flavor_name}'
