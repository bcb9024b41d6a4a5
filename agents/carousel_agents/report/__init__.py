"""One self-contained HTML page about what becomes of routers off their training distribution."""

from .page import write_report

__all__ = ["write_report"]
