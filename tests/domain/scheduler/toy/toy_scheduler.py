"""A filter, a weigher and a scheduler as somebody outside of nimbus would write them."""

from nimbus.scheduler.filters import Filter
from nimbus.scheduler.placer import Placer
from nimbus.scheduler.weighers import Weigher


class OddFilter(Filter):
    """Keeps the hosts whose name ends in an odd digit, for servers that ask for it."""

    hints = ('odd',)

    def applies(self, request):
        return bool(request.hints.get('odd'))

    def passes(self, host, request):
        return host.host[-1] in '13579'

    def why(self, removed, request):
        return f'{removed[0].host} is even'


class FirstWeigher(Weigher):
    """Takes the host whose name comes first."""

    sign = -1.0

    def weigh(self, host, request):
        return float(ord(host.host[-1]))


class LastPlacer(Placer):
    """Takes the last of the hosts that pass, whatever they weigh."""

    def _best(self, hosts, request):
        return hosts[-1]
