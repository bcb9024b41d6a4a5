"""One self-contained HTML page about what becomes of routers off their training distribution."""

from .page import write_report
from .write import write_page

__all__ = ["write_page", "write_report"]
