// The keys of the item page. They act only while nothing is being typed, and can be switched off (WCAG 2.1.4).
const OFF = "burnish keys off";
const dialog = document.getElementById("keys");
const toggle = document.getElementById("keys-on");
let page, here = null;

export function listen(actions) {
  page = actions;
  try {
    toggle.checked = localStorage.getItem(OFF) === null;
    toggle.addEventListener("change", () => {
      if (toggle.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "1");
    });
  } catch { /* storage is forbidden: the choice holds for this page */ }
  document.addEventListener("keydown", pressed);
}

export function showKeys() {
  dialog.showModal();
}

const types = (element) => element.matches("textarea, select, input:not([type=radio]):not([type=checkbox])");
const acts = (element) => element.matches("button, a[href], summary");

function pressed(event) {
  const target = event.target instanceof Element ? event.target : document.body;
  if (dialog.open || event.isComposing) return;
  if (event.repeat && event.key === "Enter" && !target.matches("textarea")) return event.preventDefault(); // or the next item would be sent as well
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    // Within a note it sends that form: who writes why they skip must not send a label.
    const form = types(target) ? target.form : null;
    return once(event, () => (form ? form.requestSubmit() : page.submit()));
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return leave(target);
  if (types(target) || !toggle.checked) return;
  if (event.key === "Enter") return acts(target) ? undefined : once(event, page.submit);
  if (event.repeat && !"jk".includes(event.key)) return;
  const action = choose(event.key) || ACTIONS[event.key];
  if (action) once(event, action);
}

function once(event, action) {
  event.preventDefault();
  action(event);
}

function leave(target) {
  if (!types(target)) return;
  target.blur();
  stop()?.focus({ preventScroll: true });
}

// A grade or a label: the same key again takes it back.
function choose(key) {
  if (!/^[0-9a-z]$/.test(key)) return null;
  const radio = page.desk().querySelector(`input[type=radio][data-key="${key}"]`);
  return radio && (() => set(radio, !radio.checked));
}

function set(radio, checked) {
  radio.checked = checked;
  radio.dispatchEvent(new Event("input", { bubbles: true }));
}

function field(key) {
  const found = page.desk().querySelector(`#label textarea[data-key=${key}]`);
  found?.focus();
  found?.setSelectionRange(found.value.length, found.value.length);
}

function unfold(key) {
  const found = page.desk().querySelector(`.pass-on[data-key=${key}]`);
  if (!found) return;
  found.open = true;
  found.querySelector("input[name=note]").focus();
}

const stops = () => [...page.desk().querySelectorAll(".stop")];
const stop = () => (here?.isConnected ? here : null);

function move(by) {
  const all = stops();
  const at = all.indexOf(stop());
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
  if (!next) return;
  stop()?.classList.remove("here");
  here = next;
  here.classList.add("here");
  here.focus({ preventScroll: true });
  const folded = here.parentElement.closest("details:not([open])");
  if (folded) folded.open = true;
  here.scrollIntoView({ block: here.offsetHeight > innerHeight * 0.7 ? "start" : "nearest" });
}

function fold() {
  const found = stop()?.querySelector("details");
  if (found) found.open = !found.open;
}

function mark() {
  if (!page.desk().querySelector(".wrong")) return; // this queue does not ask
  if (!stop()) return burnish.toast("First go to a step: j is the next one, k the one before.");
  const own = [...(stop()?.querySelectorAll("input[name=step]") ?? [])];
  const radio = own.find((one) => one.closest(".stop") === stop());
  if (!radio) return burnish.toast("This is no step of the agent's: mark the one that was wrong.");
  const none = page.desk().querySelector("input[name=step][value='']");
  if (radio.checked) set(none, true);
  else set(radio, true);
}

const ACTIONS = {
  "?": showKeys,
  c: () => field("c"),
  e: () => field("e"),
  r: () => field("r"),
  j: () => move(1),
  k: () => move(-1),
  o: fold,
  w: mark,
  W: () => page.desk().querySelector("#label [name=span_comment]")?.focus(),
  s: () => unfold("s"),
  x: () => unfold("x"),
  u: () => page.undo(),
  g: () => location.assign("/review"),
};
