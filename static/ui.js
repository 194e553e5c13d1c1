// Menus, confirmations, forms and messages. Every page works without this script.
(function () {
  // Menus are <details>: a click elsewhere or Escape closes them.
  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!except || !menu.contains(except)) menu.open = false;
    }
  }
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus(null);
    menu?.querySelector("summary").focus();
  });

  // A button with data-confirm asks first.
  document.addEventListener(
    "submit",
    (event) => {
      const button = event.submitter;
      const dialog = document.getElementById("confirm");
      if (!button?.dataset.confirm || !dialog || button.confirmed) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      dialog.querySelector("#confirm-subject").textContent = button.dataset.subject;
      dialog.querySelector("#confirm-text").textContent = button.dataset.confirm;
      const yes = dialog.querySelector("[value=yes]");
      yes.textContent = button.dataset.label || button.textContent.trim();
      dialog.returnValue = "";
      dialog.addEventListener(
        "close",
        () => {
          if (dialog.returnValue !== "yes") return;
          button.confirmed = true;
          button.form.requestSubmit(button);
          button.confirmed = false;
        },
        { once: true },
      );
      dialog.showModal();
    },
    true,
  );

  // Buttons in a live region act in place: the response replaces the region.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    const live = document.getElementById("live");
    if (event.defaultPrevented || !live || !event.target.matches("form[data-in-place]")) return;
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.target, button));
    button.setAttribute("aria-busy", "true");
    htmx
      .ajax("POST", button.getAttribute("formaction"), { target: "#live", swap: "outerHTML", values })
      .finally(() => button.removeAttribute("aria-busy"));
  });

  // Send a form only once. (Its nonce makes it one operation anyway.)
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    setTimeout(() => event.submitter && (event.submitter.disabled = true), 0);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  document.addEventListener("click", (event) => {
    const setter = event.target.closest("[data-set-field]");
    if (setter) {
      const field = document.getElementById(setter.dataset.setField);
      field.value = setter.dataset.value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    }
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest(".toast-line").remove();
  });

  // Success messages disappear after a while, unless hovered or focused. Errors stay until they are closed.
  const LEAVE_MS = 12000;
  const MOST_TOASTS = 3;
  function letGo() {
    const toasts = document.querySelectorAll("#toasts .toast-line");
    for (const line of [...toasts].slice(0, Math.max(0, toasts.length - MOST_TOASTS))) line.remove();
    for (const line of document.querySelectorAll(".toast-success:not([data-leaving]), .toast-info:not([data-leaving])")) {
      line.dataset.leaving = "";
      const leave = () => (line.matches(":hover, :focus-within") ? setTimeout(leave, LEAVE_MS) : line.remove());
      setTimeout(leave, LEAVE_MS);
    }
  }
  document.addEventListener("DOMContentLoaded", letGo);
  document.addEventListener("htmx:oobAfterSwap", letGo);

  // After a form with errors: focus the first invalid field.
  document.addEventListener("DOMContentLoaded", () => document.querySelector("main .is-invalid")?.focus());

  // Filters apply when changed; the button is for browsers without JavaScript.
  document.addEventListener("change", (event) => {
    if (event.target.matches("form[data-auto] select")) event.target.form.requestSubmit();
  });
})();
