"""Quality of service over HTTP."""
