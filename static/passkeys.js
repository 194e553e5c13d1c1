// Passkeys: connects forms to django-allauth's script, and shows errors in words.
(() => {
  "use strict";
  const button = document.getElementById("passkey-button");
  const form = button && button.closest("form");
  if (!form) return;
  const problem = form.querySelector("[data-passkey-problem]");

  if (!window.PublicKeyCredential) {
    button.disabled = true;
    return;
  }

  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    problem.textContent = problem.dataset.cancelled;
    problem.hidden = false;
  });

  const id = button.id;
  window.allauth.webauthn.forms[form.dataset.passkey]({
    ids: { add: id, login: id, authenticate: id, credential: "passkey-credential", passwordless: "id_passwordless", data: "passkey-data" },
  });
})();
