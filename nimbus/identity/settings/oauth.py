"""The options of OAuth 1 and 2, under the names that Keystone gives them."""

import dataclasses
from typing import Any, Self

from oslo_config import cfg

SECRET, CERTIFICATE = 'client_secret_basic', 'tls_client_auth'


@dataclasses.dataclass(frozen=True)
class OAuth:
    """The values of [oauth1] and [oauth2]."""

    request_token_duration: int = 28800
    access_token_duration: int = 86400
    oauth2_authn_methods: tuple[str, ...] = (CERTIFICATE, SECRET)
    oauth2_cert_dn_mapping_id: str = 'oauth2_mapping'

    @classmethod
    def of(cls, conf: Any) -> Self:
        """The values of a loaded configuration."""
        return cls(
            conf.oauth1.request_token_duration,
            conf.oauth1.access_token_duration,
            tuple(conf.oauth2.oauth2_authn_methods),
            conf.oauth2.oauth2_cert_dn_mapping_id,
        )


_DEFAULT = OAuth()

OPTIONS = {
    'oauth1': [
        cfg.IntOpt(
            'request_token_duration',
            default=_DEFAULT.request_token_duration,
            min=0,
            help='Seconds in which a request token must be authorized and exchanged; 0 means that it does not expire.',
        ),
        cfg.IntOpt(
            'access_token_duration',
            default=_DEFAULT.access_token_duration,
            min=0,
            help='Seconds for which a consumer may log in with an access token; 0 means that it does not expire.',
        ),
    ],
    'oauth2': [
        cfg.ListOpt(
            'oauth2_authn_methods',
            default=list(_DEFAULT.oauth2_authn_methods),
            help='How clients may authenticate to the OAuth 2 token endpoint: by a certificate (tls_client_auth), '
            'which needs [api] trusted_fronts, or by a secret (client_secret_basic).',
        ),
        cfg.StrOpt(
            'oauth2_cert_dn_mapping_id',
            default=_DEFAULT.oauth2_cert_dn_mapping_id,
            help='Id of the mapping that decides which user a certificate stands for.',
        ),
    ],
}
