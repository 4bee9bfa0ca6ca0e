"""Who plans and who writes code: the agent protocol and its implementations."""
