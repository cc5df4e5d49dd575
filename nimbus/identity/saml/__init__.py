"""SAML 2: signed documents, taken as a service provider and given as an identity provider."""
