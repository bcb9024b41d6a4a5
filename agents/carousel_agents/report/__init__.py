"""One self-contained HTML page about what becomes of routers off their training distribution."""

from ..system.extras import needed_by

with needed_by("carousel_agents.report"):
    from .findings import write_findings
    from .write import write_page

__all__ = ["write_findings", "write_page"]
