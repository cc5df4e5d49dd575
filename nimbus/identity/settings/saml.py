"""The options of SAML: this cloud as an identity provider and as a service provider."""

import dataclasses
import pathlib
from typing import Any, Self

from oslo_config import cfg

# Default paths of files, below state_path.
PLACES = {
    'certfile': 'saml-signing-cert.pem',
    'keyfile': 'saml-signing-key.pem',
    'sp_trusted_metadata': 'saml-trusted',
}


@dataclasses.dataclass(frozen=True)
class Saml:
    """The values of the [saml] group."""

    idp_entity_id: str | None = None
    idp_sso_endpoint: str | None = None
    certfile: str = ''
    keyfile: str = ''
    assertion_expiration_time: int = 3600
    relay_state_prefix: str = 'ss:mem:'
    idp_metadata_path: str = ''
    idp_lang: str = 'en'
    idp_organization_name: str | None = None
    idp_organization_display_name: str | None = None
    idp_organization_url: str | None = None
    idp_contact_company: str | None = None
    idp_contact_name: str | None = None
    idp_contact_surname: str | None = None
    idp_contact_email: str | None = None
    idp_contact_telephone: str | None = None
    idp_contact_type: str = 'other'
    sp_entity_id: str | None = None
    sp_url: str | None = None
    sp_trusted_metadata: str = ''

    @classmethod
    def of(cls, conf: Any) -> Self:
        """The values of a loaded configuration."""
        values = {field.name: getattr(conf.saml, field.name) for field in dataclasses.fields(cls)}
        state = pathlib.Path(conf.state_path)
        for option, place in PLACES.items():
            values[option] = values[option] or str(state / place)
        return cls(**values)


CONTACTS = ('technical', 'support', 'administrative', 'billing', 'other')
_HELP = {
    'idp_entity_id': 'Entity id, a URI, of this cloud as a SAML identity provider; empty means that it is not one. '
    'For example https://CONTROLLER:5000/v3/OS-FEDERATION/saml2/idp.',
    'idp_sso_endpoint': 'URL of single sign-on in the metadata; required there, though no browser is sent to it. '
    'For example https://CONTROLLER:5000/v3/OS-FEDERATION/saml2/sso.',
    'certfile': 'Certificate (PEM) that service providers verify assertions with; empty means saml-signing-cert.pem '
    'under state_path.',
    'keyfile': 'Private key (PEM, RSA or EC) that assertions are signed with; empty means saml-signing-key.pem under '
    'state_path.',
    'assertion_expiration_time': 'Seconds within which an assertion must be used, and for which a session of it lasts.',
    'relay_state_prefix': 'Prefix of the relay state of an ECP assertion, for a service provider that is created '
    'without its own.',
    'idp_metadata_path': 'File that is served as the metadata; empty means that they are made from these options.',
    'idp_lang': "Language of the organization's names.",
    'idp_organization_name': 'Name of the organization in the metadata, included when this and the next two are set.',
    'idp_organization_display_name': 'Display name of the organization.',
    'idp_organization_url': 'URL of information about the organization.',
    'idp_contact_company': 'Company of the contact in the metadata, who is included when all of these six are set.',
    'idp_contact_name': 'Given name of the contact.',
    'idp_contact_surname': 'Surname of the contact.',
    'idp_contact_email': 'Email address of the contact.',
    'idp_contact_telephone': 'Telephone number of the contact.',
    'idp_contact_type': 'Type of the contact.',
    'sp_entity_id': 'Entity id, a URI, of this cloud as a SAML service provider; without this and the next option, '
    'identity reads no assertions itself. For example https://CONTROLLER:5000/v3.',
    'sp_url': 'URL of the Identity API with its /v3, as clients reach it: assertions must be addressed to a URL below '
    'it. It is never derived from a request.',
    'sp_trusted_metadata': 'Directory of the metadata (*.xml) of identity providers whose assertions are trusted; '
    'empty means saml-trusted under state_path.',
}
_URIS = ('idp_entity_id', 'idp_sso_endpoint', 'idp_organization_url', 'sp_entity_id', 'sp_url')


def _option(field: Any) -> cfg.Opt:
    more: dict[str, Any] = {'default': field.default, 'help': _HELP[field.name]}
    if field.type is int:
        return cfg.IntOpt(field.name, min=1, **more)
    if field.name in _URIS:
        return cfg.URIOpt(field.name, max_length=1024, **more)
    return cfg.StrOpt(field.name, choices=CONTACTS if field.name == 'idp_contact_type' else None, **more)


OPTIONS = {'saml': [_option(field) for field in dataclasses.fields(Saml)]}
