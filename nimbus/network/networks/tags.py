"""Tags of networks, subnets, ports and other nouns, found by the name of the noun's collection."""

from collections.abc import Sequence

from nimbus.common.database import db
from nimbus.network import standard_attributes
from nimbus.network.models import FloatingIp, Group, Network, Port, Router, Subnet, SubnetPool
from nimbus.network.models_traffic import QosPolicy
from nimbus.network.models_wiring import Trunk

LONGEST = 60
MODELS = {
    'networks': Network,
    'subnets': Subnet,
    'ports': Port,
    'routers': Router,
    'floatingips': FloatingIp,
    'policies': QosPolicy,
    'subnetpools': SubnetPool,
    'trunks': Trunk,
    'security_groups': Group,
    'security-groups': Group,
}


def of(tx: db.Tx, subject_id: str) -> list[str]:
    """The subject's tags, sorted."""
    return standard_attributes.tags_of(tx, [subject_id]).get(subject_id, [])


def replace(tx: db.Tx, kind: str, subject_id: str, words: Sequence[str]) -> None:
    """The subject has these tags and no other."""
    standard_attributes.set_tags(tx, MODELS[kind], subject_id, words)


def add(tx: db.Tx, kind: str, subject_id: str, words: Sequence[str]) -> None:
    """The subject has these tags too."""
    standard_attributes.add_tags(tx, MODELS[kind], subject_id, words)


def drop(tx: db.Tx, kind: str, subject_id: str, word: str) -> None:
    """The subject has not the tag.  Raises NotFound."""
    standard_attributes.drop_tag(tx, MODELS[kind], subject_id, word)
