"""What a token says and speaks for, how it is signed and checked, and what is cached of it."""
