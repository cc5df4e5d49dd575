"""Authentication: passwords, one-time passcodes, EC2 keys and signatures, and the tokens issued for them."""
