"""One self-contained HTML page about what becomes of routers off their training distribution."""

from ..system.extras import needed_by

with needed_by("carousel_agents.report"):
    from .write import write_page

__all__ = ["write_page"]
