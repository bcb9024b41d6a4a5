"""A reader of pages."""

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "line", "path", "img"}


class Page(HTMLParser):
    """What a browser would make of a page: tags, and text by element id."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.text, self.tables = [], [], {}, {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag not in VOID:
            self.open.append((tag, attrs.get("id", "")))
        if tag == "tr":
            self.tables.setdefault(self._table(), []).append([])
        if tag in ("td", "th"):
            self.tables[self._table()][-1].append("")

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        for tag, name in self.open:
            self.text[name or tag] = self.text.get(name or tag, "") + data
        if any(tag in ("td", "th") for tag, _ in self.open):
            self.tables[self._table()][-1][-1] += data

    def _table(self):
        return next((name for tag, name in self.open if tag == "table"), "")

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)
