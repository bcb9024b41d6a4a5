"""The page in a browser: it draws, sorts, fits a phone, follows dark mode, and fetches nothing."""

import re
import shutil

import pytest

from carousel_agents.report import write_page
from support.study_example import LEARNED, TASTE, study_rows, study_summary, write_study

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]

AXES = ("hazard", "patience", "hazard+cue-noise")
LIGHT, DARK = "light", "dark"
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
PATIENCE = 120_000  # milliseconds: a busy machine starts a browser late

# colours as a screen shows them: over what is behind, through a canvas that knows every notation
CONTRASTS = """() => {
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const behind = node => {
    for (; node; node = node.parentElement) {
      const [r, g, b, a] = rgba(getComputedStyle(node).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return rgba(getComputedStyle(document.documentElement).getPropertyValue("--paper"));
  };
  const light = ([r, g, b]) => [r, g, b].map(x => x / 255)
    .map(x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [.2126, .7152, .0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const words = walker.currentNode.data.trim();
    if (!words || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(node.tagName)) continue;
    const style = getComputedStyle(node);
    const drawn = node instanceof SVGElement;
    const ink = rgba(drawn ? style.fill : style.color);
    const pair = [light(ink), light(behind(node))].sort((a, b) => b - a);
    found.push([(pair[0] + .05) / (pair[1] + .05), words.slice(0, 40), node.tagName]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}"""


LONG = "recurrent-ppo-with-history-64-and-a-name-that-goes-on"
ROUTERS = {"ppo": 0.93, "far-below": -2.5, LONG: 0.7, "dqn": 0.86, "far-above": 1.8}

# what is written in figures: words on words, words out of their figure
COLLISIONS = """() => [...document.querySelectorAll("[data-figure]")].flatMap(plot => {
  const frame = plot.getBoundingClientRect();
  const words = [...plot.querySelectorAll("text")].filter(node => node.textContent.trim())
    .map(node => [node.textContent, node.getBoundingClientRect()]).filter(([, box]) => box.width);
  const found = words.filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1
    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(([text]) => ["out", text]);
  words.forEach(([text, a], i) => words.slice(i + 1).forEach(([other, b]) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 3) found.push([text, other]);
  }));
  // values off the scale stand outside the axes, where no line and no marker runs through them
  const axes = plot.querySelector(".nsewdrag").getBoundingClientRect();
  for (const label of plot.querySelectorAll(".textpoint")) {
    const box = label.getBoundingClientRect();
    const inside = Math.min(box.bottom, axes.bottom) - Math.max(box.top, axes.top);
    if (inside > 3) found.push(["on the curves", label.textContent]);
  }
  return found.map(pair => [plot.dataset.figure, ...pair]);
})"""

# words that a box without a scrollbar cuts or that run into the next one, and heat maps in part
CUT = """() => {
  const boxes = "td, th, li, dt, dd, h1, h2, h3, h4, p, caption, summary, .big, .legend button";
  const spilt = [...document.querySelectorAll(boxes)].filter(node => node.clientWidth)
    .filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.textContent.trim());
  const maps = [...document.querySelectorAll(".scroll:has(.heat)")].filter(box =>
    box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1);
  return [...spilt, ...maps.map(map => map.ariaLabel)];
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    rows = study_rows(routers=("ppo", "dqn"), seeds=3, axes=AXES)
    taste = study_rows(TASTE, ("ppo",), 2, AXES[:1])
    return write_page(
        [
            write_study(folder / "boredom", rows, study_summary(axes=AXES)),
            write_study(folder / "taste", taste, study_summary(TASTE, AXES[:1])),
        ]
    )


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, who runs the tests in containers
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE
        )
        yield running
        running.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """By number of routers: a page with a name that is long and scores off the scale both ways."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        for router, score in ROUTERS.items():
            patch.setitem(LEARNED, router, score)
        for routers, seeds in ((1, 1), (2, 3), (5, 2)):
            rows = study_rows(routers=tuple(ROUTERS)[:routers], seeds=seeds)
            folder = tmp_path_factory.mktemp("reports") / str(routers)
            made[routers] = write_page([write_study(folder, rows)])
    return made


@pytest.fixture
def open_page(browser, report):
    """Opens the page as somebody sees it; at the end nothing was fetched and nothing complained."""
    contexts, asked, complaints = [], [], []

    def opened(viewport=DESK, scheme=LIGHT, **options):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(report.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert asked
    assert {url for url in asked if not url.startswith("data:")} == {report.as_uri()}
    assert complaints == []


def draw_everything(page):
    """What a printer asks for, and quicker than to scroll."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("[data-figure]:not(:has(svg.main-svg))").count() == 0


def test_figures_are_drawn_when_they_come_near_and_all_have_marks(open_page):
    page = open_page()
    total = page.locator("[data-figure]").count()
    page.locator("[data-figure]").first.scroll_into_view_if_needed()
    page.locator("[data-figure] svg.main-svg").first.wait_for(state="attached")
    assert page.locator("[data-figure]:has(svg.main-svg)").count() < total / 2
    for plot in page.locator("[data-figure]").all():
        plot.scroll_into_view_if_needed()
        plot.locator("svg.main-svg").first.wait_for(state="attached")
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("[data-figure]")].map(plot => {
          const marks = [...plot.querySelectorAll(".trace path, .trace .point")];
          const boxes = marks.map(mark => mark.getBoundingClientRect());
          const drawn = boxes.filter(box => box.width > 1 || box.height > 1).length;
          const frame = plot.getBoundingClientRect();
          return [plot.dataset.figure, drawn, frame.width, frame.height];
        })"""
    )
    assert len(sizes) == total > 15
    for name, drawn, width, height in sizes:
        assert drawn > 0, name
        assert width > 200, name
        assert height > 100, name


def column(page, table, place):
    return page.locator(f"#{table} tbody tr td:nth-child({place})").evaluate_all(
        "cells => cells.map(cell => cell.dataset.value)"
    )


def test_tables_sort_by_click_and_by_key(open_page):
    page = open_page()
    table = "environment-0-rows-table"
    head = page.locator(f"#{table} th").filter(has_text=re.compile(r"^score(?! from)"))
    place = 1 + page.locator(f"#{table} th").all_inner_texts().index(head.inner_text())
    before = [float(value) for value in column(page, table, place)]
    assert before != sorted(before)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert [float(value) for value in column(page, table, place)] == sorted(before)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert [float(value) for value in column(page, table, place)] == sorted(before)[::-1]
    router = page.locator(f"#{table} th").filter(has_text="router")
    router.get_by_role("button").focus()
    page.keyboard.press("Space")
    assert router.get_attribute("aria-sort") == "ascending"
    assert head.get_attribute("aria-sort") == "none"
    names = column(page, table, 4)
    assert names == sorted(names)
    assert len(set(names)) > 3
    # what is missing comes last both ways
    nats = page.locator(f"#{table} th").filter(has_text="nats")
    place = 1 + page.locator(f"#{table} th").all_inner_texts().index(nats.inner_text())
    for _ in range(2):
        nats.get_by_role("button").click()
        values = column(page, table, place)
        missing = values.count("")
        assert missing
        assert set(values[-missing:]) == {""}


def test_a_phone_scrolls_down_only(open_page):
    page = open_page(PHONE)
    for folded in page.locator("details").all():
        folded.evaluate("details => { details.open = true; }")
    draw_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    wide = page.locator("#environment-0-rows-table-scroll")
    assert wide.evaluate("box => box.scrollWidth > box.clientWidth")


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_text_is_told_from_its_background(open_page, scheme):
    page = open_page(scheme=scheme)
    draw_everything(page)
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(part) for part in shade.removeprefix("rgb(").removesuffix(")").split(",")]
    assert max(channels) < 64 if scheme == DARK else min(channels) > 224
    found = page.evaluate(CONTRASTS)
    assert len(found) > 500
    assert [entry for entry in found if entry[0] < 4.5] == []


def test_figures_follow_a_change_of_mode(open_page):
    page = open_page()
    plot = page.locator("[data-figure='0-training']")
    plot.scroll_into_view_if_needed()
    tick = plot.locator(".xtick text").first
    tick.wait_for()
    before = tick.evaluate("words => getComputedStyle(words).fill")
    page.emulate_media(color_scheme=DARK)
    page.wait_for_function(
        """before => {
          const tick = document.querySelector("[data-figure='0-training'] .xtick text");
          return tick && getComputedStyle(tick).fill !== before;
        }""",
        arg=before,
    )


def test_keys_reach_every_control(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    seen, rings = [], []
    for _ in range(60):
        page.keyboard.press("Tab")
        kind, ring = page.evaluate(
            """() => {
              const node = document.activeElement;
              const shown = node.type === "radio" ? node.parentElement : node;
              const style = getComputedStyle(shown);
              const kind = node.dataset.router ? "router" : node.type || node.tagName;
              return [kind, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
            }"""
        )
        seen.append(kind)
        rings.append(ring)
    assert {"A", "radio", "router", "SUMMARY"} <= set(seen)
    assert all(rings), seen[rings.index(False)]


def test_controls_change_what_is_drawn(open_page):
    page = open_page()
    plot = page.locator("[data-figure='0-axis-0']")
    plot.scroll_into_view_if_needed()
    plot.locator("svg.main-svg").first.wait_for(state="attached")
    traces = plot.evaluate("plot => plot.data.length")
    label = plot.get_attribute("aria-label")
    page.locator("#environment-0 [data-router='ppo']").press("Enter")
    assert plot.evaluate("plot => plot.data.length") < traces
    page.locator("#environment-0 .switch").first.get_by_label("engagement").check(force=True)
    assert plot.get_attribute("aria-label") != label
    assert "engagement per session" in plot.get_attribute("aria-label")


def test_pointing_at_a_marker_shows_its_numbers(open_page):
    page = open_page()
    plot = page.locator("[data-figure='0-distance']")
    plot.scroll_into_view_if_needed()
    plot.locator(".point").first.wait_for()
    box = plot.locator(".scatterlayer .trace").last.locator(".point").last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    words = plot.locator(".hovertext")
    words.wait_for()
    assert "score" in words.inner_html()
    assert "nats" in words.inner_html()


def test_without_javascript_the_numbers_are_there(open_page):
    page = open_page(java_script_enabled=False)
    assert page.locator("#environment-0-rows-table tbody tr").count() > 50
    assert page.locator("#environment-0-rows-table").is_visible()
    assert not page.locator("[data-figure]").first.is_visible()
    folded = page.locator("#environment-0-gaps-table")
    assert not folded.is_visible()
    page.locator("details:has(#environment-0-gaps-table) > summary").click()
    assert folded.is_visible()


def test_paper_shows_figures_and_tables(open_page):
    page = open_page()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("[data-figure]:not(:has(svg.main-svg))").count() == 0
    for table in ("training", "regimes", "users", "gaps", "rows"):
        assert page.locator(f"#environment-0-{table}-table").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.numbers[open]").count() == 0


@pytest.mark.parametrize("width", [1400, 1024, 360])
@pytest.mark.parametrize("routers", [1, 2, 5])
def test_nothing_is_cut_and_no_words_lie_on_others(browser, reports, routers, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(reports[routers].as_uri(), timeout=PATIENCE)
    draw_everything(page)
    assert page.evaluate(COLLISIONS) == []
    page.locator("section .switch").first.get_by_label("engagement").check(force=True)
    assert page.evaluate(COLLISIONS) == []
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_the_first_screen_says_what_happened(browser, reports):
    for width, height in ((1400, 900), (360, 740)):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(reports[1].as_uri(), timeout=PATIENCE)
        finding = page.locator(".findings li").first.bounding_box()
        assert finding["y"] + finding["height"] < height
        page.close()
