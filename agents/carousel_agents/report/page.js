"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const collator = new Intl.Collator(undefined, {numeric: true});
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numeric = head.classList.contains("numeric");
    const key = row => row.cells[column].dataset.value;
    const compare = (a, b) => numeric ? a - b : collator.compare(a, b);
    const rows = [...body.rows].sort((one, two) => {
      const a = key(one), b = key(two);
      // what is missing comes last, whichever way the rest is sorted
      if (a === "" || b === "") return (a === "") - (b === "");
      return down ? compare(b, a) : compare(a, b);
    });
    body.append(...rows);
  }));
}
for (const input of document.querySelectorAll("[data-filter]")) {
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/);
    for (const row of document.getElementById(input.dataset.filter).tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
  };
  input.addEventListener("input", apply);
  // a browser may restore what was typed before a reload
  apply();
}
// paper has nothing to unfold
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details.numbers:not([open])")) {
    folded.open = true;
    folded.dataset.printed = "";
  }
});
addEventListener("afterprint", () => {
  for (const unfolded of document.querySelectorAll("details[data-printed]")) {
    unfolded.open = false;
    delete unfolded.dataset.printed;
  }
});
