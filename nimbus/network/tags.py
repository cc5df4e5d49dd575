"""Tags by the name of their noun's collection."""

from collections.abc import Sequence

from nimbus.common import db
from nimbus.network import standard
from nimbus.network.models import Group, Network, Port, Router, Subnet

LONGEST = 60
MODELS = {
    'networks': Network,
    'subnets': Subnet,
    'ports': Port,
    'routers': Router,
    'security_groups': Group,
    'security-groups': Group,
}


def of(tx: db.Tx, subject_id: str) -> list[str]:
    """The subject's tags, sorted."""
    return standard.tags_of(tx, [subject_id]).get(subject_id, [])


def replace(tx: db.Tx, kind: str, subject_id: str, words: Sequence[str]) -> None:
    """The subject has these tags and no other."""
    standard.set_tags(tx, MODELS[kind], subject_id, words)


def add(tx: db.Tx, kind: str, subject_id: str, words: Sequence[str]) -> None:
    """The subject has these tags too."""
    standard.add_tags(tx, MODELS[kind], subject_id, words)


def drop(tx: db.Tx, kind: str, subject_id: str, word: str) -> None:
    """The subject has not the tag.  Raises NotFound."""
    standard.drop_tag(tx, MODELS[kind], subject_id, word)
