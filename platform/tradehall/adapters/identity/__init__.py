"""Identity (身份): certificates and their issuers, passwords, sessions, tokens."""
