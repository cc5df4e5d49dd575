"""What servers have to do with networks: their interfaces, their security groups, and what networks report of them."""
