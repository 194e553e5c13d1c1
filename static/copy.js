// Copy buttons: copy an id, an address or a name, and confirm it.
(function () {
  const SHOWN_MS = 2000;

  // Without HTTPS browsers give no access to the clipboard, but selected text can still be copied.
  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      field.className = "visually-hidden";
      document.body.append(field);
      field.select();
      const copied = document.execCommand("copy");
      field.remove();
      button.focus({ preventScroll: true });
      return copied;
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    const status = document.getElementById("copied");
    if (!button || !status || !(await copy(button.dataset.copy, button))) return;
    button.dataset.copied = status.dataset.copied;
    status.textContent = status.dataset.copied;
    setTimeout(() => {
      delete button.dataset.copied;
      status.textContent = "";
    }, SHOWN_MS);
  });
})();
