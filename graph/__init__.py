"""GraphQL: the schema, its types and resolvers; it converts, the task service decides."""
