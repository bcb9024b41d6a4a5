"""Routers: hand-written and learned, and what becomes of them off their training distribution."""
