// Shows the error of an action above the page, which stays as it is; also when the panel does not answer at all.
(function () {
  const SILENT_POLLS = 2;
  let silent = 0;

  const messages = () => document.getElementById("messages");
  const isPoll = (config) => Boolean(config?.headers?.["X-Sharedeck-Version"]);

  function tell(id) {
    const template = document.getElementById(id);
    if (template && messages()) messages().replaceChildren(template.content.cloneNode(true));
  }

  // Error responses to htmx are one message (templates/_error.html).
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.status < 400 || isPoll(requestConfig) || !messages()) return;
    if (!xhr.responseText.includes("toast-line")) {
      tell("panel-unanswered");
      return;
    }
    event.detail.shouldSwap = true;
    event.detail.target = messages();
    event.detail.swapOverride = "innerHTML";
  });

  function noteSilence() {
    silent += 1;
    if (silent >= SILENT_POLLS && !document.querySelector("[data-silent]")) tell("panel-silent");
  }

  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      if (isPoll(event.detail.requestConfig)) noteSilence();
      else tell("panel-unanswered");
    });
  }
  document.addEventListener("htmx:responseError", (event) => {
    if (isPoll(event.detail.requestConfig) && event.detail.xhr.status >= 500) noteSilence();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful) return;
    silent = 0;
    document.querySelector("[data-silent]")?.remove();
  });
})();
