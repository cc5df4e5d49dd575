"""The options of federation, and their values as one object."""

import dataclasses
from typing import Any, Self

from oslo_config import cfg

from nimbus.identity.federation import shapes


@dataclasses.dataclass(frozen=True)
class Federation:
    """The values of the [federation] group."""

    attribute_mapping_default_schema_version: str = shapes.OLDEST

    @classmethod
    def of(cls, conf: Any) -> Self:
        """The values of a loaded configuration."""
        return cls(**{field.name: getattr(conf.federation, field.name) for field in dataclasses.fields(cls)})


_DEFAULT = Federation()
OPTIONS = {
    'federation': [
        cfg.StrOpt(
            'attribute_mapping_default_schema_version',
            default=_DEFAULT.attribute_mapping_default_schema_version,
            choices=list(shapes.VERSIONS),
            help='The version of the rules of a mapping that does not tell its own.',
        ),
    ]
}
