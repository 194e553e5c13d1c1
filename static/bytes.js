// The size of what is typed into a field, beside it: in bytes, as servers count. Line ends are sent as one.
(function () {
  const bytes = (text) => new TextEncoder().encode(text.replace(/\r\n?/g, "\n")).length;

  for (const shown of document.querySelectorAll("[data-bytes-of]")) {
    const field = document.getElementById(shown.dataset.bytesOf);
    if (!field) continue;
    const show = () => {
      shown.hidden = !field.value;
      shown.textContent = shown.dataset.words.replace(
        "{count}",
        bytes(field.value).toLocaleString(document.documentElement.lang),
      );
    };
    field.addEventListener("input", show);
    show();
  }
})();
