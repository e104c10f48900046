// The item page: sends labels without leaving it, keeps what is typed, holds the item while somebody works on it, and
// has the next item ready. Without this script the same forms work by themselves. The keys are in review_keys.js.
import { listen, showKeys } from "./review_keys.js";

const EACH = 60_000;
let desk, until, busy = false, active = false;
let ahead = null; // a promise of the next item: {node, item, at}, or of null where nothing is left
let waiting = null; // its id, once it is there

const $ = (query) => desk.querySelector(query);
const form = () => $("#label");
const address = (item, what) => `${desk.dataset.base}/${item}/${what}`;
const fields = (of) => new URLSearchParams(new FormData(of));
const csrf = () => new URLSearchParams({ csrf: form().elements.csrf.value });

// What stands in the form is kept per person and item until it is taken, in this tab alone.
const draftKey = () => `burnish draft ${desk.dataset.person} ${desk.dataset.base} ${desk.dataset.item}`;

function entered() {
  const found = fields(form());
  found.delete("csrf");
  found.delete("until");
  return found.toString();
}

// A browser may forbid storage, or have it full: the page itself still holds what was typed.
function stored(act) {
  try {
    return act(sessionStorage);
  } catch {
    return null;
  }
}

const keepDraft = () => stored((storage) => storage.setItem(draftKey(), entered()));
const dropDraft = () => stored((storage) => storage.removeItem(draftKey()));

function restoreDraft() {
  const kept = stored((storage) => storage.getItem(draftKey()));
  if (kept === null || kept === entered()) return;
  for (const [name, value] of new URLSearchParams(kept)) {
    const field = form().elements.namedItem(name);
    if (field instanceof RadioNodeList) {
      const chosen = [...field].find((one) => one.value === value);
      if (chosen) chosen.checked = true;
    } else if (field) field.value = value;
  }
  burnish.toast("What you had entered is back.");
}

function notice(text, ...links) {
  const box = $("#notice"), line = document.createElement("p"), more = document.createElement("p");
  line.textContent = text;
  for (const [title, url] of links) {
    const link = document.createElement("a");
    link.href = url;
    link.textContent = title;
    more.append(link, " ");
  }
  box.replaceChildren(line, ...(links.length ? [more] : []));
  box.scrollIntoView({ block: "nearest" });
}

async function post(url, body) {
  const response = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
  if (response.status >= 500) throw new Error(`status ${response.status}`);
  if (!(response.headers.get("content-type") || "").startsWith("application/json")) return null;
  return response.json();
}

// Sends one of the page's forms and goes on where it was taken; what was typed stays where it was not.
async function send(of) {
  if (busy) return;
  busy = true;
  desk.classList.add("sending");
  try {
    const answer = await post(of.action, fields(of));
    if (answer === null) {
      notice("You are no longer signed in, or this page is out of date. What you entered will still be there.",
        ["Open the page anew", location.href]);
    } else if (!answer.accepted) {
      notice(answer.said, ["Next item", desk.dataset.base]);
    } else {
      dropDraft();
      if (answer.url) return location.assign(answer.url);
      await goOn(answer.said);
    }
  } catch {
    notice("The server could not take it. What you entered is still here: try again.");
  } finally {
    busy = false;
    desk.classList.remove("sending");
  }
}

async function goOn(words) {
  const next = ahead === null ? null : await ahead;
  ahead = null;
  if (next === null) return location.assign(desk.dataset.base);
  desk.replaceWith(next.node);
  history.pushState(null, "", `${next.node.dataset.base}/${next.item}`);
  scrollTo(0, 0);
  open(next.node, next.at);
  $("h1").focus({ preventScroll: true });
  burnish.toast(words, "good");
  setTimeout(() => hold(true), 50);
}

function open(node, at) {
  desk = node;
  until = at + 1000 * Number(desk.dataset.seconds);
  restoreDraft();
  showMarked();
  showLease();
  // When the page has been painted: the next item may wait, this one may not.
  setTimeout(() => { ahead = fetchAhead(); }, 30);
  waiting = null;
}

async function fetchAhead() {
  try {
    const at = performance.now();
    const response = await fetch(`${desk.dataset.base}/ahead?beside=${desk.dataset.item}`);
    if (response.status !== 200 || response.redirected) return null;
    const holder = document.createElement("template");
    holder.innerHTML = await response.text();
    const node = document.importNode(holder.content.querySelector("#desk"), true);
    waiting = node.dataset.item;
    return { node, item: waiting, at };
  } catch {
    return null; // then the next item is asked for when it is wanted
  }
}

async function hold(arrived) {
  try {
    const answer = await post(address(desk.dataset.item, "hold"), csrf());
    if (answer?.accepted) {
      until = performance.now() + 1000 * answer.seconds;
      form().elements.until.value = Math.floor(Date.now() / 1000) + answer.seconds;
      showLease();
    } else if (answer && arrived) location.assign(desk.dataset.base); // lost before it was looked at
    else if (answer) lost(answer.said);
    const next = ahead === null ? null : await ahead;
    if (next && !arrived) post(address(next.item, "hold"), csrf());
  } catch { /* the next sign of life may get through */ }
}

function lost(words) {
  until = 0;
  showLease();
  notice(`${words} What you entered is still here; a label counts as long as the item wants one.`,
    ["Next item", desk.dataset.base]);
}

function showLease() {
  const line = $("[data-lease]"), left = until - performance.now();
  line.classList.toggle("ending", left < 120_000);
  if (left > 0) {
    const minutes = Math.ceil(left / 60_000);
    line.textContent = minutes > 1 ? `Yours for ${minutes} minutes; working renews it.`
      : "Yours for less than a minute; working renews it.";
  } else {
    line.textContent = "Your time with this item has ended and somebody else may take it. What you entered stays; "
      + "a label still counts unless they were faster.";
  }
}

function showMarked() {
  const line = $(".marked"), chosen = form().querySelector("[name=step]:checked") || $("[name=step]:checked");
  if (!line) return;
  for (const place of desk.querySelectorAll(".went-wrong")) place.classList.remove("went-wrong");
  const place = chosen?.value ? chosen.closest(".stop, article, li") : null;
  place?.classList.add("went-wrong");
  line.textContent = place ? `Marked: ${place.dataset.title || place.querySelector(".mono")?.textContent || "a step"}`
    : "Mark a step beside the conversation.";
}

document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || !desk.contains(event.target)) return;
  event.preventDefault();
  send(event.target);
});
document.addEventListener("input", (event) => {
  if (event.target.form?.id !== "label") return;
  keepDraft();
  if (event.target.name === "step") showMarked();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-keys]")) showKeys();
});
for (const kind of ["keydown", "pointerdown", "scroll"]) {
  document.addEventListener(kind, () => { active = true; }, { passive: true });
}
setInterval(() => {
  showLease();
  if (active && until > 0) hold(false);
  active = false;
}, EACH);
setInterval(showLease, 5_000);
addEventListener("popstate", () => {
  if (!location.pathname.endsWith(`/${desk.dataset.item}`)) location.reload(); // not for a link within the page
});
addEventListener("pagehide", () => {
  if (waiting) navigator.sendBeacon(address(waiting, "release"), csrf());
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

listen({ desk: () => desk, submit: () => form().requestSubmit(), undo: () => $(".undo").requestSubmit() });
open(document.getElementById("desk"), performance.now());
