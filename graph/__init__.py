"""The GraphQL API: schema, limits and transports over the task service.

May import `tasks`; knows neither `api` nor `workers`, and holds no SQL. `graph.application` puts it
together. Nothing is imported here, since a command that only wants a setting or a limit must not
load the schema's library for it.
"""
