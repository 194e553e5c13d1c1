// Live pages: polls the live region, and updates progress bars and ages between two polls.
(function () {
  const OPEN_MS = 1000;
  const IDLE_MS = 15000;
  // A page polls faster for this long after it was opened, after an action (such as Sync now), and after the last
  // operation ended: what an action leads to, and what an operation changed, is read and shown within seconds.
  const SOON_MS = 10000;
  // A round takes a few seconds itself: details that are this much older than the lists are not named.
  const ROUND_MS = 5000;
  let timer = null;
  let soonUntil = Date.now() + SOON_MS;

  const region = () => document.getElementById("live");

  // Do not swap while a person is using an open menu or table, a field or a selection.
  function inUse(live) {
    const selection = getSelection();
    return Boolean(
      live.querySelector("details[open], input:focus, select:focus, textarea:focus, [data-choose]:checked") ||
        document.querySelector("dialog[open]") ||
        (selection && !selection.isCollapsed && live.contains(selection.anchorNode)),
    );
  }

  function expectMore() {
    soonUntil = Date.now() + SOON_MS;
  }

  function plan() {
    clearTimeout(timer);
    const live = region();
    if (live?.dataset.open === "true") expectMore();
    const often = Date.now() < soonUntil || live?.dataset.followed !== undefined;
    if (live && !document.hidden) timer = setTimeout(poll, often ? OPEN_MS : IDLE_MS);
  }

  // A reading round without changes keeps the version, but the age of the data must be updated.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.requestConfig.verb === "post") expectMore();
    const ages = event.detail.xhr.getResponseHeader("X-Sharedeck-Ages")?.split(" ");
    if (!ages) return;
    const [lists, details, info] = ages;
    moveAge("lists", lists);
    moveAge("details", details);
    moveAge("info", info);
    for (const part of document.querySelectorAll('[data-age-of="details"]')) {
      part.hidden = Date.parse(lists) - Date.parse(details) <= ROUND_MS;
    }
    moveAges();
  });

  // An age only moves forward: the page of a server may show a newer reading than the account's oldest.
  function moveAge(of, at) {
    const zone = { hour12: false, timeZone: region()?.dataset.zone };
    for (const time of document.querySelectorAll(`[data-age-of="${of}"] time`)) {
      if (!(Date.parse(at) > Date.parse(time.dateTime))) continue;
      time.dateTime = at;
      if (time.dataset.ago !== undefined) continue;
      time.title = new Date(at).toLocaleString(document.documentElement.lang, zone);
      time.textContent = new Date(at).toLocaleTimeString("en-GB", zone);
    }
  }

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
        // The next poll tries again, and the page shows how old its data is.
      }
    }
    plan();
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target.id === "live" && requestConfig.headers["X-Sharedeck-Version"] && inUse(target)) {
      event.detail.shouldSwap = false;
      // Insert the toasts of the skipped swap: the server sends each only once.
      const toasts = new DOMParser()
        .parseFromString(event.detail.serverResponse, "text/html")
        .querySelector('[hx-swap-oob="beforeend:#toasts"]');
      if (toasts) {
        document.getElementById("toasts").append(...toasts.children);
        document.dispatchEvent(new Event("htmx:oobAfterSwap"));
      }
    }
  });

  // Keep the keyboard focus on the same button after a swap.
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
    // An action in place may have started an operation: poll again sooner.
    plan();
  });

  // The object is gone, or the person may not see it any more: load the whole page, which says so.
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (requestConfig.headers["X-Sharedeck-Version"] && [403, 404].includes(xhr.status)) location.reload();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));

  // Use the server's clock, because a wrong clock on this computer would distort progress and ages.
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
