"""Which firmware of a host a guest is started by."""

import json

import pytest

from nimbus.compute.agent.driver import Refused
from nimbus.compute.agent.libvirt.wishes import firmware
from nimbus.compute.guest import Guest

PLAIN = firmware.Firmware('/plain', '/vars', ('pc-i440fx-*', 'pc-q35-*'), False)
SECURE = firmware.Firmware('/secure', '/keys', ('pc-q35-*',), True)


def guest(machine: str, secure: str = '', kind: str = 'uefi') -> firmware.Firmware | None:
    specs = {'os:secure_boot': secure} if secure else {}
    made = Guest('g', 'g', 'g', 'p', 'u', 1, 64, 0, extra_specs=specs, root_properties={'hw_firmware_type': kind})
    return firmware.wanted(made, machine, (SECURE, PLAIN))


@pytest.mark.parametrize(
    ('machine', 'secure', 'found'),
    [
        ('pc', '', PLAIN),
        ('q35', '', PLAIN),
        ('pc-q35-7.2', 'disabled', PLAIN),
        ('pc-q35-7.2', 'required', SECURE),
        ('q35', 'optional', SECURE),
        ('pc', 'optional', PLAIN),
    ],
)
def test_a_guest_gets_the_firmware_that_its_machine_can_have_and_its_flavor_asks_for(machine, secure, found):
    assert guest(machine, secure) == found


def test_a_guest_with_a_bios_gets_none():
    assert guest('pc', kind='bios') is None


def test_a_host_without_one_refuses():
    with pytest.raises(Refused, match='has no UEFI with secure boot for guest g, whose machine type is pc'):
        guest('pc', 'required')


def test_only_descriptions_that_can_be_used_count(tmp_path):
    (tmp_path / 'code').touch()
    (tmp_path / 'vars').touch()
    mapping = {'executable': {'filename': f'{tmp_path}/code'}, 'nvram-template': {'filename': f'{tmp_path}/vars'}}
    told = {'interface-types': ['uefi'], 'mapping': {'device': 'flash', **mapping}, 'features': ['acpi-s3']}
    told['targets'] = [{'architecture': 'x86_64', 'machines': ['pc-*']}]
    locked = {**told, 'features': ['secure-boot', 'requires-smm', 'enrolled-keys']}
    unkeyed = {**told, 'features': ['secure-boot', 'requires-smm']}
    bios = {**told, 'interface-types': ['bios']}
    gone = {**told, 'mapping': {**told['mapping'], 'executable': {'filename': '/no/such/file'}}}
    for number, one in enumerate((locked, unkeyed, bios, gone, told)):
        (tmp_path / f'{number}0.json').write_text(json.dumps(one))
    (tmp_path / '99.json').write_text('no JSON')
    found = firmware.known(str(tmp_path))
    assert [one.secure for one in found] == [True, False]
    assert firmware.traits(found) == ['COMPUTE_FIRMWARE_UEFI', 'COMPUTE_SECURITY_UEFI_SECURE_BOOT']
    assert firmware.known('/no/such/folder') == ()
