"""Federation and SAML over HTTP."""
