"""The schema's types: what a client sees of the service's records."""
