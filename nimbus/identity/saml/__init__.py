"""SAML 2: signed assertions, verified as a service provider and issued as an identity provider."""
