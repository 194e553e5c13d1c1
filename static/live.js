// Keeps a page true: asks for its live region again, moves progress bars and ages between two answers.
(function () {
  const OPEN_MS = 2000;
  const IDLE_MS = 15000;
  // What somebody has just asked for (a new reading, a change) shows itself within this time.
  const SOON_MS = 10000;
  let timer = null;
  let soonUntil = 0;

  const region = () => document.getElementById("live");

  // A swap must not take away what a person is using: an open menu or table, a field, a selection.
  function inUse(live) {
    const selection = getSelection();
    return Boolean(
      live.querySelector("details[open], input:focus, select:focus, textarea:focus, [data-choose]:checked") ||
        document.querySelector("dialog[open]") ||
        (selection && !selection.isCollapsed && live.contains(selection.anchorNode)),
    );
  }

  function plan() {
    clearTimeout(timer);
    const live = region();
    const often = live?.dataset.open === "true" || Date.now() < soonUntil;
    if (live && !document.hidden) timer = setTimeout(poll, often ? OPEN_MS : IDLE_MS);
  }

  // A round of reading that finds nothing new moves no version, but it makes the data younger.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.requestConfig.verb === "post") soonUntil = Date.now() + SOON_MS;
    const readAt = event.detail.xhr.getResponseHeader("X-Sharedeck-Read");
    if (!readAt) return;
    for (const time of document.querySelectorAll("#data-age time")) {
      time.dateTime = readAt;
      if (time.dataset.ago === undefined) {
        const zone = { hour12: false, timeZone: region()?.dataset.zone };
        time.title = new Date(readAt).toLocaleString(document.documentElement.lang, zone);
        time.textContent = new Date(readAt).toLocaleTimeString("en-GB", zone);
      }
    }
    moveAges();
  });

  async function poll() {
    const live = region();
    if (live && !document.hidden && !inUse(live)) {
      try {
        await htmx.ajax("GET", location.pathname + location.search, {
          target: "#live",
          swap: "outerHTML",
          headers: { "X-Sharedeck-Version": live.dataset.version },
        });
      } catch {
        // The next poll tries again; what the page shows says how old it is.
      }
    }
    plan();
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target.id === "live" && requestConfig.headers["X-Sharedeck-Version"] && inUse(target)) {
      event.detail.shouldSwap = false;
      // The server has said it once and does not say it again.
      const toasts = new DOMParser()
        .parseFromString(event.detail.serverResponse, "text/html")
        .querySelector('[hx-swap-oob="beforeend:#toasts"]');
      if (toasts) {
        document.getElementById("toasts").append(...toasts.children);
        document.dispatchEvent(new Event("htmx:oobAfterSwap"));
      }
    }
  });

  // Whoever works with the keyboard stays on the button that they were on.
  let focused = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    const active = document.activeElement;
    focused = "";
    if (event.detail.target.id !== "live" || !event.detail.target.contains(active)) return;
    for (const name of ["id", "formaction", "href"]) {
      if (active.getAttribute(name)) {
        focused = `[${name}="${CSS.escape(active.getAttribute(name))}"]`;
        break;
      }
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (focused && document.activeElement === document.body) {
      region()?.querySelector(focused)?.focus({ preventScroll: true });
    }
    focused = "";
    // An action in place may have opened something: look again sooner.
    plan();
  });

  // What the page shows is gone, or not for this person any more: the whole page says so.
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (requestConfig.headers["X-Sharedeck-Version"] && [403, 404].includes(xhr.status)) location.reload();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));

  // The server's clock counts; a wrong clock on this computer must not show in progress and ages.
  function serverNow() {
    const live = region();
    if (!live) return Date.now();
    live.skew ??= Number(live.dataset.now) - Date.now();
    return Date.now() + live.skew;
  }

  function moveBars() {
    const now = serverNow();
    for (const bar of document.querySelectorAll("progress[data-started]")) {
      const started = Number(bar.dataset.started);
      const span = Number(bar.dataset.eta) - started;
      if (span <= 0) continue;
      const percent = Math.max(0, Math.min(99, Math.round((100 * (now - started)) / span)));
      if (percent > bar.value) bar.value = percent;
      const text = bar.parentElement.querySelector("[data-percent]");
      if (text) text.textContent = `${Math.round(bar.value)} %`;
    }
  }

  const UNITS = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];

  function moveAges() {
    const now = serverNow();
    const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const seconds = Math.max(0, Math.floor((now - Date.parse(time.dateTime)) / 1000));
      const [length, unit] = UNITS.find(([length]) => seconds >= length) ?? UNITS[3];
      const counted = format.format(-Math.floor(seconds / length), unit);
      const text = seconds === 0 ? time.dataset.ago : counted;
      if (time.textContent !== text) time.textContent = text;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    plan();
    setInterval(moveBars, 500);
    setInterval(moveAges, 1000);
  });
})();
