// The terminal of a server's console. The page says in words what state it is in.
(function () {
  const script = document.currentScript;
  // Wide enough for what systems expect of a serial console, which never learns the size of a window.
  const COLUMNS = 80;
  const ROWS = 24;
  const LARGEST = 60000;

  // The content security policy takes style sheets with the page's nonce alone, and no style attributes. xterm.js makes
  // both: its sheets get the nonce, and its attributes are set property by property.
  const { createElement } = document;
  document.createElement = function (name, ...rest) {
    const element = createElement.call(document, name, ...rest);
    if (name === "style") element.nonce = script.nonce;
    return element;
  };
  const { setAttribute } = Element.prototype;
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };

  function colors() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    const text = of("--sd-text");
    return {
      background: of("--sd-surface"),
      foreground: text,
      cursor: text,
      cursorAccent: of("--sd-surface"),
      selectionBackground: of("--sd-info-line"),
    };
  }

  function isWanted(name) {
    try {
      return localStorage.getItem(name) === "on";
    } catch {
      return false;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const card = document.getElementById("console");
    if (!card || typeof Terminal === "undefined") return;
    const box = document.getElementById("terminal");
    const line = document.getElementById("console-state");
    const leave = document.getElementById("console-leave");
    const again = document.getElementById("console-connect");
    const reader = document.getElementById("screen-reader");
    const address = new URL(card.dataset.address, location.href);
    let socket = null;
    let state = "";

    const terminal = new Terminal({
      cols: COLUMNS,
      rows: ROWS,
      fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
      fontSize: 14,
      lineHeight: 1.2,
      minimumContrastRatio: 4.5,
      scrollback: 2000,
      screenReaderMode: isWanted("screen-reader"),
      theme: colors(),
    });
    const fit = new FitAddon.FitAddon();
    terminal.loadAddon(fit);
    terminal.open(box);
    terminal.textarea.setAttribute("aria-label", card.dataset.label);

    function resize() {
      const fitting = fit.proposeDimensions();
      if (fitting?.cols) terminal.resize(Math.min(COLUMNS, fitting.cols), ROWS);
    }
    new ResizeObserver(resize).observe(box);
    new MutationObserver(() => (terminal.options.theme = colors())).observe(document.documentElement, {
      attributeFilter: ["data-bs-theme"],
    });

    const words = (name) => card.querySelector(`#console-words [data-state="${CSS.escape(name)}"]`)?.textContent;

    function show(name) {
      const hadFocus = card.contains(document.activeElement) || box.contains(document.activeElement);
      state = name;
      line.dataset.state = name;
      line.textContent = words(name) ?? words("lost");
      const isOpen = name === "connecting" || name === "connected";
      leave.hidden = !isOpen;
      again.hidden = isOpen;
      terminal.options.disableStdin = name !== "connected";
      terminal.options.cursorBlink = name === "connected";
      if (name === "connected") terminal.focus();
      else if (!isOpen && hadFocus) again.focus({ preventScroll: true });
    }

    // A script can't read why a WebSocket was refused. A plain request to the same address names the reason.
    async function whyRefused() {
      try {
        const answer = await fetch(address.pathname, { redirect: "manual" });
        if (answer.status === 426) return await answer.text();
        return answer.status < 500 ? "access" : "lost";
      } catch {
        return "lost";
      }
    }

    function connect() {
      if (socket) return;
      show("connecting");
      const opening = new WebSocket(Object.assign(new URL(address), { protocol: address.protocol.replace("http", "ws") }));
      let wasOpen = false;
      socket = opening;
      opening.binaryType = "arraybuffer";
      opening.addEventListener("open", () => {
        wasOpen = true;
        terminal.reset();
      });
      opening.addEventListener("message", ({ data }) => {
        if (typeof data !== "string") terminal.write(new Uint8Array(data));
        else if (data === "connected") show("connected");
      });
      opening.addEventListener("close", async ({ reason }) => {
        socket = null;
        show(wasOpen ? reason || "lost" : await whyRefused());
      });
    }

    function send(bytes) {
      for (let start = 0; start < bytes.length; start += LARGEST) socket.send(bytes.subarray(start, start + LARGEST));
    }
    const encoder = new TextEncoder();
    terminal.onData((text) => state === "connected" && send(encoder.encode(text)));
    terminal.onBinary((text) => state === "connected" && send(Uint8Array.from(text, (sign) => sign.charCodeAt(0))));

    // A terminal takes every key, Tab too: this one leads out of it.
    terminal.attachCustomKeyEventHandler((event) => {
      if (event.key !== "F6" || !event.ctrlKey) return true;
      event.preventDefault();
      if (event.type === "keydown") (leave.hidden ? again : leave).focus();
      return false;
    });

    reader.checked = terminal.options.screenReaderMode;
    reader.addEventListener("change", () => {
      terminal.options.screenReaderMode = reader.checked;
      try {
        localStorage.setItem("screen-reader", reader.checked ? "on" : "off");
      } catch {
        // Without local storage it holds for this page.
      }
    });
    leave.addEventListener("click", () => socket?.close(1000, "left"));
    again.addEventListener("click", connect);

    // The live region tells when the server was started: whoever waits for that need not press a button.
    const server = () => document.getElementById("server-state")?.dataset.state;
    document.addEventListener("htmx:afterSwap", () => state === "stopped" && server() === "running" && connect());
    if (server() === "halted") show("stopped");
    else connect();
  });
})();
