"""What a fake cloud has beside a real one, for whoever tests a client against it; nothing else in nimbus imports it."""
