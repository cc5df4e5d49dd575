"""What a definition holds, read from bodies that match their schema: the attributes that a property may have."""

from typing import Any

from nimbus.common import errors

TEXTS = ('name', 'type', 'title', 'description', 'pattern')
LISTS = ('operators', 'enum')
NUMBERS = ('minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems')
MOST = 2**63
FLAGS = ('readonly', 'confidential', 'uniqueItems', 'additionalItems')


def properties(given: dict[str, Any]) -> dict[str, Any]:
    """Properties by their names, as they are kept.  Raises Invalid."""
    for name in given:
        if not name.strip() or len(name) > 80:
            raise errors.Invalid(f'The name of a property has 1 to 80 characters; {name[:80]!r} has {len(name)}.')
    return {name: property_(value, name) for name, value in given.items()}


def property_(given: dict[str, Any], name: str) -> dict[str, Any]:
    """One property as it is kept.  Raises Invalid."""
    return {attribute: _value(attribute, value, name) for attribute, value in given.items()}


def _value(attribute: str, value: Any, name: str) -> Any:
    if attribute in TEXTS:
        return _of(str, attribute, value, name)
    if attribute in LISTS:
        return [_of(str, attribute, item, name) for item in _of(list, attribute, value, name)]
    if attribute in FLAGS:
        return _of(bool, attribute, value, name)
    if attribute in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MOST or value % 1:
            raise _wrong(attribute, value, name, 'a whole number of at most 63 bits')
        return round(value)
    if attribute == 'default':
        if not isinstance(value, str | int | float):
            raise _wrong(attribute, value, name, 'a string, a number or a boolean')
        return str(value)
    if attribute == 'items':
        if set(value) - {'type', 'enum'} or 'type' not in value:
            raise _wrong(attribute, value, name, 'an object with a type and perhaps an enum')
        return {inner: _value(inner, item, name) for inner, item in value.items()}
    raise errors.Invalid(f'Unknown attribute of the property {name}: {attribute[:80]}.')


def _of(kind: type, attribute: str, value: Any, name: str) -> Any:
    if not isinstance(value, kind):
        raise _wrong(attribute, value, name, {str: 'a string', list: 'a list', bool: 'a boolean'}[kind])
    return value


def _wrong(attribute: str, value: Any, name: str, wanted: str) -> errors.Invalid:
    shown = repr(value)[:80]
    return errors.Invalid(
        f"Invalid input for field/attribute {attribute} of the property {name}. Value: '{shown}'. It is {wanted}."
    )


def object_(given: dict[str, Any]) -> dict[str, Any]:
    """The columns of an object.  Raises Invalid."""
    return {
        'description': given.get('description'),
        'required': given.get('required', []),
        'properties': properties(given.get('properties', {})),
    }
