"""The demo (演示): a throw-away pair of cities, one tender played over the public API, then served to look around."""
