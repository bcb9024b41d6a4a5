"use strict";
{
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const plots = [...document.querySelectorAll("[data-figure]")];
  const switches = [...document.querySelectorAll(".switch input")];
  const section = element => element.closest("section");
  const hidden = new Map([...document.querySelectorAll("section")].map(part => [part, new Set()]));
  const tone = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const near = new Set();

  function draw(plot) {
    const views = figures[plot.dataset.figure];
    // asked of the page, because a browser may restore what was chosen before a reload
    const chosen = switches.filter(input => input.checked && section(input) === section(plot)).map(input => input.value);
    const name = Object.keys(views).find(view => chosen.includes(view)) ?? Object.keys(views)[0];
    const figure = structuredClone(views[name]);
    const [ink, soft, line, card] = ["--ink", "--soft", "--line", "--card"].map(tone);
    const layout = figure.layout;
    layout.autosize = true;
    layout.font = {family: "system-ui, sans-serif", size: 13, color: soft};
    layout.hoverlabel = {...layout.hoverlabel, bgcolor: card, bordercolor: soft, font: {family: "system-ui, sans-serif", color: ink, size: 13}};
    for (const axis of ["xaxis", "yaxis"]) {
      Object.assign(layout[axis], {gridcolor: line, zeroline: false});
      layout[axis].title = {...layout[axis].title, font: {size: 13}};
    }
    for (const words of layout.annotations ?? []) words.font.color = soft;
    for (const trace of figure.data) if (trace.textposition) trace.textfont = {color: ink, size: 12};
    const without = hidden.get(section(plot));
    const data = figure.data.filter(trace => !without.has(trace.meta));
    plot.setAttribute("aria-label", figure.label);
    Plotly.react(plot, data, layout, {responsive: true, displayModeBar: false});
  }

  // a long page draws what is looked at, and the rest when it comes near
  const watch = new IntersectionObserver(entries => {
    for (const {isIntersecting, target} of entries) if (isIntersecting && !near.has(target)) {
      near.add(target);
      watch.unobserve(target);
      draw(target);
    }
  }, {rootMargin: "400px"});
  for (const plot of plots) watch.observe(plot);
  const redraw = part => { for (const plot of near) if (!part || section(plot) === part) draw(plot); };

  for (const input of switches) input.addEventListener("change", () => redraw(section(input)));
  for (const button of document.querySelectorAll("[data-router]")) button.addEventListener("click", () => {
    const router = button.dataset.router;
    const without = hidden.get(section(button));
    if (!without.delete(router)) without.add(router);
    button.setAttribute("aria-pressed", String(!without.has(router)));
    redraw(section(button));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  addEventListener("beforeprint", () => {
    for (const plot of plots) if (!near.has(plot)) { near.add(plot); watch.unobserve(plot); draw(plot); }
  });
}
