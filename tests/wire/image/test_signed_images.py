"""An image that is signed becomes active only with the very bytes that were signed, by a certificate of the cloud."""

import base64
import dataclasses
import datetime
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

from tests.wire.image.conftest import OCTETS

DATA = b'a disk' * 1000
METHODS = {'SHA-256': hashes.SHA256(), 'SHA-512': hashes.SHA512()}
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)


@pytest.fixture
def certify(transfers, tmp_path):
    """The id of a certificate of the key, which the cloud has."""
    folder = tmp_path / 'certificates'
    folder.mkdir()
    transfers.limits = dataclasses.replace(transfers.limits, certificates=str(folder))
    now = datetime.datetime.now(datetime.UTC)

    def certify(key, days=(-1, 1)):
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'signer')])
        begins, ends = (now + datetime.timedelta(days=day) for day in days)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(1).not_valid_before(begins).not_valid_after(ends).sign(key, hashes.SHA256())
        one = str(uuid.uuid4())
        (folder / f'{one}.pem').write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return one

    return certify


@pytest.fixture(scope='module')
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


def signed(signature, certificate, method='SHA-256', kind='RSA-PSS'):
    """The properties of a signed image."""
    return {
        'img_signature': base64.b64encode(signature).decode(),
        'img_signature_hash_method': method,
        'img_signature_key_type': kind,
        'img_signature_certificate_uuid': certificate,
    }


@pytest.fixture
def put(client, make, transfers):
    """The answer to the upload, and the image after it; nothing is left of what was refused."""

    def put(properties, data=DATA, staged=False):
        image = make(**properties)
        path = f'/v2/images/{image["id"]}'
        answer = client('PUT', f'{path}/{"stage" if staged else "file"}', data, **OCTETS)
        state = client('GET', path).json['status']
        assert state == ('active' if answer.status == 204 else 'queued') or staged
        assert (answer.status == 204) is (image['id'] in transfers.store.present())
        return answer

    return put


def test_a_signed_image_is_taken_whatever_kind_of_key_signed_it(put, certify, rsa_key):
    assert put(signed(rsa_key.sign(DATA, PSS, hashes.SHA256()), certify(rsa_key))).status == 204
    for curve in (ec.SECP384R1(), ec.SECP521R1()):
        key = ec.generate_private_key(curve)
        told = signed(key.sign(DATA, ec.ECDSA(hashes.SHA512())), certify(key), 'SHA-512', f'ECC_{curve.name.upper()}')
        assert put(told).status == 204
    key = dsa.generate_private_key(2048)
    assert put(signed(key.sign(DATA, hashes.SHA256()), certify(key), kind='DSA')).status == 204


def test_other_bytes_than_were_signed_are_refused(put, certify, rsa_key):
    told = signed(rsa_key.sign(DATA, PSS, hashes.SHA256()), certify(rsa_key))
    answer = put(told, DATA[:-1])
    assert answer.status == 400 and b'Signature verification failed: the image is not what was signed' in answer.data
    assert put(told, DATA).status == 204


def test_a_signature_that_cannot_be_checked_is_refused_with_the_reason(put, certify, rsa_key):
    told = signed(rsa_key.sign(DATA, PSS, hashes.SHA256()), certify(rsa_key))
    other = ec.generate_private_key(ec.SECP384R1())
    for changed, why in (
        ({'img_signature': '!'}, b'not base64'),
        ({'img_signature_hash_method': 'MD5'}, b'invalid signature hash method: MD5'),
        ({'img_signature_key_type': 'RSA'}, b'invalid signature key type: RSA'),
        ({'img_signature_key_type': 'DSA'}, b'not of the type DSA'),
        ({'img_signature_certificate_uuid': str(uuid.uuid4())}, b'there is no certificate'),
        ({'img_signature_certificate_uuid': '../../etc/passwd'}, b'there is no certificate'),
        ({'img_signature_certificate_uuid': certify(other)}, b'not of the type RSA-PSS'),
        ({'img_signature_certificate_uuid': certify(rsa_key, (-2, -1))}, b'not valid at this time'),
        ({'img_signature_certificate_uuid': certify(rsa_key, (1, 2))}, b'not valid at this time'),
    ):
        answer = put(told | changed)
        assert answer.status == 400 and why in answer.data, changed


def test_properties_that_are_not_all_of_a_signature_are_only_properties(put):
    assert put({'img_signature': 'x', 'img_signature_key_type': 'RSA-PSS'}).status == 204


def test_what_is_staged_is_checked_when_it_is_imported(put, certify, rsa_key, transfers, parts):
    from nimbus.common import context, errors
    from nimbus.image.images import images

    told = signed(rsa_key.sign(DATA, PSS, hashes.SHA256()), certify(rsa_key))
    assert put(told, b'other bytes', staged=True).status == 204
    (image_id,) = transfers.store.present()
    with parts.db.write() as tx:
        image = images.importing(tx, images.show(tx, context.Context(roles=('admin',)), image_id))
    with pytest.raises(errors.Invalid, match='Signature verification failed'):
        transfers.take_staged(image)
