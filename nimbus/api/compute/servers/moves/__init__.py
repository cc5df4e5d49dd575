"""Other sizes and hosts for servers, over HTTP."""
