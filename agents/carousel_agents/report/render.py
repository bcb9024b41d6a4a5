"""What every page needs: templates that escape what they are given, and plotly's JavaScript."""

from __future__ import annotations

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates of this package; a name that is not given is an error, not an empty text."""
    return Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=1)
def plotly_javascript() -> str:
    """The library, to stand in a <script>: plotly's package has no smaller build of it."""
    # inside <script> only its own end tag needs an escape
    return str(get_plotlyjs()).replace("</script", "<\\/script")
