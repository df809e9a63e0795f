"""HTTP: the REST compatibility layer, authentication and the pages; it decides nothing."""
