"""The Compute API before microversions."""

from typing import Any

from nimbus.api.compute.microversions import MINIMUM
from nimbus.api.kit.versions import History, Version


class Legacy(History):
    """The API before microversions: it is 2.1 whatever a request asks for, and has no version headers."""

    def asked(self, environ: dict[str, Any]) -> Version:
        """Always the minimum."""
        return self.minimum

    def headers(self, version: Version) -> list[tuple[str, str]]:
        """None."""
        return []


LEGACY = Legacy(minimum=MINIMUM, service='compute')
