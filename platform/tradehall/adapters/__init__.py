"""All that touches the world 适配器: databases, logs, vaults, identities, other cities."""
