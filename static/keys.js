// Keyboard shortcuts. The list of shortcuts ("?") has a switch that turns them off.
(function () {
  const PLACES = {
    h: "dashboard",
    n: "attention",
    s: "servers",
    d: "disks",
    p: "shares",
    o: "operations",
    c: "changes",
    t: "trends",
    l: "login",
  };
  const WAIT_MS = 1500;
  let going = 0;

  function areOn() {
    try {
      return localStorage.getItem("keys") !== "off";
    } catch {
      return true;
    }
  }

  const list = () => document.getElementById("keys");

  function isTyping(target) {
    return Boolean(target.closest?.("input, select, textarea, [contenteditable], dialog"));
  }

  function searchEverywhere() {
    const box = document.getElementById("side-search");
    const nav = document.getElementById("nav-toggle");
    // On a narrow screen its menu is collapsed.
    if (nav && !box?.offsetParent) nav.checked = true;
    box?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "?" && list()) {
      event.preventDefault();
      list().showModal();
      return;
    }
    if (!areOn()) return;
    const isGoing = Date.now() - going < WAIT_MS;
    if (isGoing && event.key === "a") {
      event.preventDefault();
      document.dispatchEvent(new CustomEvent("sharedeck:switch"));
    } else if (isGoing && Object.hasOwn(PLACES, event.key)) {
      document.querySelector(`.side-nav [data-place="${PLACES[event.key]}"]`)?.click();
    } else if (event.key === "/") {
      event.preventDefault();
      searchEverywhere();
    } else if (event.key === "f") {
      const search = document.querySelector("main input[type=search]");
      if (search) event.preventDefault();
      search?.focus();
    } else if (event.key === "n") {
      document.querySelector(".title-side a.btn-primary")?.click();
    } else if (event.key === "g") {
      going = Date.now();
      return;
    }
    going = 0;
  });

  document.addEventListener("DOMContentLoaded", () => {
    const box = document.getElementById("keys-on");
    if (!box) return;
    box.checked = areOn();
    box.addEventListener("change", () => {
      try {
        localStorage.setItem("keys", box.checked ? "on" : "off");
      } catch {
        // Without local storage they stay on.
      }
    });
  });
  document.addEventListener("click", (event) => event.target.closest("[data-show-keys]") && list()?.showModal());
})();
