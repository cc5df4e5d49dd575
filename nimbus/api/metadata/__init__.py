"""What guests read about themselves at 169.254.169.254, through the proxies of their networks."""
