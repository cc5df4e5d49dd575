"""Ways into a cloud of the tests for what speaks to clouds over REST."""

from nimbus.testing.seeds import rest
from tests.cloud import NAMES, PASSWORD
from tests.transport import WsgiAdapter


def way_to(cloud):
    """The cloud as its admin reaches it."""

    def mount(made):
        ports = {getattr(cloud.conf.api, f'{name}_port'): cloud.apps[name] for name in NAMES}
        made.session.mount('http://', WsgiAdapter(ports))

    return rest.Cloud(f'http://cloud:{cloud.conf.api.identity_port}/v3', PASSWORD, mount)
