"""One self-contained HTML page about what becomes of routers off their training distribution."""

from .write import write_page

__all__ = ["write_page"]
