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
})();
