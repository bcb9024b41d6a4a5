"""A small summary, and a reader of the page that is made from it."""

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


def entry(router, role, score, **more):
    numbers = {
        "engagement": 20 + 4 * score,
        "engagement_se": 0.03,
        "score": score,
        "score_low": score - 0.02,
        "score_high": score + 0.02,
        "session_length": 38.0,
        "left": 0.25,
        "swaps": 2.1,
        "refused": 0.0,
    }
    return {"router": router, "role": role, **numbers, **more}


REFERENCE = {
    "tier": "exact",
    "value": 24.0,
    "value_upper": 24.0,
    "blind": 20.0,
    "best_fixed": 17.0,
    "uniform": 5.0,
}


def example():
    cast = [
        ("ppo", "learned", 0.9, -2.5),
        ("loop", "frozen", 0.98, 0.4),
        ("optimum", "optimal", 1.0, 1.0),
        ("uniform", "baseline", -5.0, -6.0),
        ("fixed:alice", "baseline", -0.75, -0.9),
    ]
    rows = [
        entry(
            router, role, start + (end - start) * s, axis=axis, kind=kind, severity=s, **REFERENCE
        )
        for axis, kind in (("hazard", "mechanism"), ("cue-noise", "observation"))
        for s in (0, 0.5, 1)
        for router, role, start, end in cast
    ]
    commands = "carousel evaluate {} Carousel/Boredom-v0 --users 2000 --seed 0 --json"
    return {
        "schema": 1,
        "title": "Carousel/Boredom-v0: a router off its training distribution",
        "environment": "Carousel/Boredom-v0",
        "population": {
            "fit": 1.0,
            "cues": [[[0.5, 0.5], [0.1, 0.9]]],
            "personas": ["alice", "bob"],
        },
        "population_fingerprint": "f1n9e2",
        "command": "carousel demo",
        "created": "2026-03-02T14:05:11Z",
        "elapsed_seconds": 123.4,
        "versions": {"persona-carousel": "0.1.0", "python": "3.11.7"},
        "users": 2000,
        "seed": 0,
        "severities": [0, 0.5, 1],
        "reference": {
            **REFERENCE,
            "best_persona": "alice",
            "myopic": 16.5,
            "standard_errors": {"uniform": 0.012},
            "thresholds": {"alice": [None, 0.3, 0.4], "bob": [None, 0.3, 0.4]},
        },
        "training": {
            "algo": "ppo",
            "steps": 2_000_000,
            "seed": 0,
            "seconds": 41.0,
            "frames_per_second": 48_780.0,
            "policy_file": "runs/demo/policy.safetensors",
        },
        "routers": [
            entry(
                router,
                role,
                start,
                description=f"this is {router}",
                command=commands.format(router),
            )
            for router, role, start, _ in cast
        ],
        "rows": rows,
        "axes": [
            {
                "name": axis,
                "kind": kind,
                "description": f"more {axis}",
                "command": commands.format(f"ROUTER --shift {axis}=SEVERITY"),
            }
            for axis, kind in (("hazard", "mechanism"), ("cue-noise", "observation"))
        ],
        "not_applicable": {"satiation": "nobody tires of a persona"},
    }
