"""Match image properties and flavor extra specs with the facts of a host."""

from collections.abc import Callable, Mapping
from typing import Any

# The image properties that ask for each fact, newest name first.
IMAGE_WISHES = (
    ('hw_architecture', 'architecture'),
    ('img_hv_type', 'hypervisor_type'),
    ('hw_vm_mode', 'vm_mode'),
)
ARCHES = {'amd64': 'x86_64', 'x86-64': 'x86_64', 'arm64': 'aarch64', 'i386': 'i686', 'i586': 'i686', 'i486': 'i686'}
HYPERVISORS = {'kvm': ('kvm', 'qemu')}  # a host with KVM runs plain QEMU guests too


def image_wish(properties: Mapping[str, Any], *names: str) -> str | None:
    """The image's value under any of the names, in lower case; None where there is none."""
    found = next((properties[name] for name in names if properties.get(name)), None)
    return str(found).lower() if found else None


def image_fits(facts: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    """Whether a host with such facts can run the image."""
    arch, hypervisor, mode = (image_wish(properties, *names) for names in IMAGE_WISHES)
    has = str(facts.get('hypervisor_type', '')).lower()
    return (
        (not arch or ARCHES.get(arch, arch) == facts.get('arch', 'x86_64'))
        and (not hypervisor or hypervisor in HYPERVISORS.get(has, (has,)))
        and (not mode or mode == 'hvm')
    )


def capability(name: str) -> str | None:
    """The path of the fact that an extra spec speaks of, None when it speaks to another part of the cloud."""
    scope, colon, path = name.partition(':')
    if not colon:
        return name
    return path if scope == 'capabilities' else None


def fact(facts: Mapping[str, Any], path: str) -> Any:
    """The fact at `a:b:c`, None where there is none."""
    found: Any = facts
    for part in path.split(':'):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _number(compare: Callable[[float, float], bool]) -> Callable[[Any, str], bool]:
    def check(has: Any, wanted: str) -> bool:
        try:
            return compare(float(has), float(wanted))
        except (TypeError, ValueError):
            return False

    return check


WORDS: dict[str, Callable[[Any, str], bool]] = {
    '=': _number(lambda a, b: a >= b),
    '==': _number(lambda a, b: a == b),
    '!=': _number(lambda a, b: a != b),
    '>=': _number(lambda a, b: a >= b),
    '<=': _number(lambda a, b: a <= b),
    's==': lambda has, wanted: str(has) == wanted,
    's!=': lambda has, wanted: str(has) != wanted,
    's<': lambda has, wanted: str(has) < wanted,
    's<=': lambda has, wanted: str(has) <= wanted,
    's>': lambda has, wanted: str(has) > wanted,
    's>=': lambda has, wanted: str(has) >= wanted,
    '<in>': lambda has, wanted: wanted in (has if isinstance(has, list) else str(has)),
}


def matches(has: Any, wanted: str) -> bool:
    """Whether a fact satisfies an extra spec's value: an operator and its operand, or a plain value."""
    words = str(wanted).split()
    if has is None or not words:
        return False
    if words[0] == '<or>':
        return str(has) in [word for word in words if word != '<or>']
    if words[0] == '<all-in>':
        return all(word in has for word in words[1:] if word != '<all-in>')
    if words[0] in WORDS and len(words) > 1:
        return WORDS[words[0]](has, ' '.join(words[1:]))
    return str(has) == wanted
