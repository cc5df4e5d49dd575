"""Images of servers, over HTTP."""
