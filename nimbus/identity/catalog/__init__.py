"""Services, endpoints and regions, other clouds, policies and limits."""
