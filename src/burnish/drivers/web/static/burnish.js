/* What pages need beyond htmx: notices, and failed requests said aloud. Works on data in the page, never on text from traces. */
(function () {
  "use strict";

  /* Show a notice for a while; text only, whatever it holds. tone: "good", "bad" or nothing. */
  function toast(text, tone) {
    var place = document.getElementById("toasts");
    if (!place) return;
    var one = document.createElement("p");
    one.className = "toast" + (tone ? " " + tone : "");
    one.setAttribute("role", tone === "bad" ? "alert" : "status");
    one.textContent = text;
    place.append(one);
    window.setTimeout(function () { one.remove(); }, tone === "bad" ? 10000 : 4000);
  }
  window.burnish = { toast: toast };

  /* The words of an answer that is a page or a part of one. */
  function words(html) {
    var parsed = new DOMParser().parseFromString(html, "text/html");
    return (parsed.querySelector(".notice, main") || parsed.body).textContent.trim().replace(/\s+/g, " ").slice(0, 300);
  }

  document.addEventListener("htmx:responseError", function (event) {
    toast(words(event.detail.xhr.responseText) || "That did not work (" + event.detail.xhr.status + ").", "bad");
  });
  document.addEventListener("htmx:sendError", function () {
    toast("The server does not answer. Nothing was saved.", "bad");
  });
  /* A server's answer may carry HX-Trigger: {"toast": {"text": "Saved", "tone": "good"}}. */
  document.addEventListener("toast", function (event) {
    toast(event.detail.text || event.detail.value || "", event.detail.tone);
  });

  /* "/" puts the cursor into the page's search field, where one is. */
  document.addEventListener("keydown", function (event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    var field = document.querySelector("[data-search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  });

  /* The theme changes at once; without this script the form does the same by loading the page anew. */
  document.addEventListener("submit", function (event) {
    var chosen = event.submitter && event.submitter.name === "theme" && event.submitter.value;
    if (!chosen) return;
    event.preventDefault();
    var root = document.documentElement;
    var auto = chosen === "auto";
    if (auto) delete root.dataset.theme; else root.dataset.theme = chosen;
    document.querySelector('meta[name="color-scheme"]').content = auto ? "light dark" : chosen;
    document.cookie = "burnish_theme=" + chosen + "; path=/; samesite=lax; max-age=" + (auto ? 0 : 31536000);
    event.target.querySelectorAll("button").forEach(function (one) {
      one.setAttribute("aria-pressed", String(one === event.submitter));
    });
  });
})();
