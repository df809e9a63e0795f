"""What `api` and `graph` share of HTTP. Plain ASGI: no rule of the product stands here.

Imports nothing of the other packages.
"""
