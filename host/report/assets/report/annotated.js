// What people write beside a run, an iteration or an example, and where they do so.

import { el, fill } from "./dom.js";

/** The tags and the note of something, with a form to change them where they can be kept. Nothing where there is neither. */
export function annotated(store, name, label) {
  if (!store.notes.isOpen && !store.notes.has(name)) return null;
  const box = el("div", {
    class: "notes-of",
    "data-key": `notes-${name}`,
    role: "group",
    "aria-label": `notes on ${label}`,
  });
  showNote(store, name, label, box);
  return box;
}

function showNote(store, name, label, box) {
  const { tags, note } = store.notes.of(name);
  const isEmpty = tags.length === 0 && note === "";
  const edit = ({ currentTarget }) => editNote(store, name, label, currentTarget.closest(".notes-of"));
  delete box.dataset.whole;
  fill(
    box,
    tags.map((tag) => el("span", { class: "tag own" }, tag)),
    note === "" ? null : el("p", { class: "note" }, note),
    store.notes.isOpen
      ? el(
          "button",
          { type: "button", class: "plain", on: { click: edit } },
          isEmpty ? "+ tag or note" : "change",
          el("span", { class: "hidden" }, ` of ${label}`),
        )
      : null,
  );
}

function editNote(store, name, label, box) {
  const { tags, note } = store.notes.of(name);
  // A run that goes on leaves what is being written alone.
  box.dataset.whole = "true";
  const tagField = el("input", {
    type: "text",
    value: tags.join(", "),
    placeholder: "tags, with commas between",
  });
  const noteField = el("textarea", { rows: "3" }, note);
  noteField.value = note;
  const problem = el("p", { class: "problem", role: "status" });
  const close = () => {
    showNote(store, name, label, box);
    box.querySelector("button").focus();
  };
  const save = async (event) => {
    event.preventDefault();
    const entered = tagField.value.split(",").map((tag) => tag.trim());
    try {
      await store.notes.put(name, { tags: [...new Set(entered.filter(Boolean))], note: noteField.value });
      close();
    } catch (error) {
      fill(problem, `not kept: ${error.message}`);
    }
  };
  fill(
    box,
    el(
      "form",
      { class: "filters", on: { submit: save } },
      el("label", { class: "field" }, el("span", {}, "Tags"), tagField),
      el("label", { class: "field grow" }, el("span", {}, "Note"), noteField),
      el("button", { type: "submit" }, "Keep"),
      el("button", { type: "button", class: "plain", on: { click: close } }, "cancel"),
      problem,
    ),
  );
  tagField.focus();
}
