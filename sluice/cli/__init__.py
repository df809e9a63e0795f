"""The commands, one module a noun. They print; what they decide, the services decide."""
