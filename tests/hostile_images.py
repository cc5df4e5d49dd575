"""The folder of hostile and odd disk images that may lie beside the checkout, and what becomes of each."""

import os
import pathlib

BESIDE = pathlib.Path(__file__).resolve().parents[2] / 'shared'  # a folder of samples may lie beside the checkout
SAMPLES = pathlib.Path(os.environ.get('NIMBUS_SHARED', BESIDE)) / 'hostile'
KEY = {'os_encrypt_key_id': 'some-key'}
# sample -> (declared, container, properties, accepted)
EXPECTED = {
    'qcow2-backing-etc-passwd.qcow2': ('qcow2', 'bare', {}, False),
    'qcow2-backing-json.qcow2': ('qcow2', 'bare', {}, False),
    'qcow2-backing-nbd.qcow2': ('qcow2', 'bare', {}, False),
    'qcow2-datafile-etc-passwd.qcow2': ('qcow2', 'bare', {}, False),
    'qcow2-datafile-json-cve-2024-4467.qcow2': ('qcow2', 'bare', {}, False),
    'declared-raw-really-qcow2-backing.raw': ('raw', 'bare', {}, False),
    'poly-iso-with-qcow2-backing-header.iso': ('iso', 'bare', {}, False),
    'qcow2-unknown-incompat.qcow2': ('qcow2', 'bare', {}, False),
    'qcow2-huge-virtual-60P.qcow2': ('qcow2', 'bare', {}, False),
    'qcow2-zero-1g.qcow2': ('qcow2', 'bare', {}, True),
    'gzip-bomb-1g.raw.gz.gz': ('raw', 'bare', {}, True),
    'vmdk-flat-etc-passwd.vmdk': ('vmdk', 'bare', {}, False),
    'vmdk-sparse-hdr-flat-desc.vmdk': ('vmdk', 'bare', {}, False),
    'vmdk-parent-hint.vmdk': ('vmdk', 'bare', {}, False),
    'qed-backing.qed': ('raw', 'bare', {}, False),
    'good.qed': ('raw', 'bare', {}, False),
    'good.luks': ('raw', 'bare', KEY, True),
    'qcow2-luks.qcow2': ('qcow2', 'bare', KEY, True),
    'good.vdi': ('vdi', 'bare', {}, True),
    'good.vpc': ('vhd', 'bare', {}, True),
    'good.vhdx': ('vhdx', 'bare', {}, True),
    'vmdk-good-sparse.vmdk': ('vmdk', 'bare', {}, True),
    'vmdk-good-stream.vmdk': ('vmdk', 'bare', {}, True),
    'qcow2-good.qcow2': ('qcow2', 'bare', {}, True),
    'qcow2-good-v2.qcow2': ('qcow2', 'bare', {}, True),
    'iso-good.iso': ('iso', 'bare', {}, True),
    'raw-mbr-good.raw': ('raw', 'bare', {}, True),
    'ova-like.ova': ('vmdk', 'ova', {}, True),
    'truncated-qcow2.qcow2': ('qcow2', 'bare', {}, False),
    'not-an-image.txt': ('raw', 'bare', {}, True),
}
