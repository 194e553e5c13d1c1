// The account switcher: "g a" opens it, typing filters it, arrow keys move in it. Without JavaScript it is a menu.
(function () {
  const menu = () => document.querySelector("details.switcher");
  const filter = () => document.getElementById("switcher-filter");
  const shown = () => [...menu().querySelectorAll("a.menu-item")].filter((item) => !item.closest("[hidden]"));

  function begin() {
    (filter() ?? menu().querySelector("[aria-current]") ?? shown()[0])?.focus();
  }

  document.addEventListener("sharedeck:switch", () => {
    if (!menu()) return;
    const nav = document.getElementById("nav-toggle");
    // On a narrow screen the menu is collapsed.
    if (nav && !menu().offsetParent) nav.checked = true;
    menu().open = true;
    begin();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-switcher]") && !menu().open && filter()) setTimeout(begin, 0);
  });

  function narrow() {
    const wanted = filter().value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const group of menu().querySelectorAll(".menu-group")) {
      let here = 0;
      for (const item of group.querySelectorAll("[data-words]")) {
        const words = item.dataset.words.toLocaleLowerCase();
        item.hidden = !wanted.every((word) => words.includes(word));
        here += item.hidden ? 0 : 1;
      }
      group.hidden = here === 0;
      found += here;
    }
    menu().querySelector("[data-none]").hidden = found > 0;
  }

  document.addEventListener("input", (event) => event.target === filter() && narrow());

  document.addEventListener("keydown", (event) => {
    const inside = event.target.closest?.("details.switcher[open]");
    if (!inside) return;
    const items = shown();
    const at = items.indexOf(event.target);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? at + 1 : at - 1;
      if (next < 0 && filter()) filter().focus();
      else items[Math.max(0, Math.min(next, items.length - 1))]?.focus();
    } else if (event.key === "Enter" && event.target === filter()) {
      event.preventDefault();
      items.find((item) => item.dataset.words)?.click();
    }
  });
})();
