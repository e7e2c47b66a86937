// Discord's forms: what a bot asks for in a box over the channel.

import { h } from "./dom.js";
import { Select } from "./select.js";

/** Show the form `modal`; `submit(values)` resolves to null or to why it was refused. */
export function openModal(dialog, modal, bot, { submit, close }) {
  const fields = modal.fields.map((field) => built(field));
  const error = h("p", { class: "dialog-error", role: "alert" });
  const send = async () => {
    const missing = fields.find(({ complete }) => complete && !complete());
    if (missing) return missing.input.focus();
    const values = Object.fromEntries(fields.filter(({ id }) => id).map(({ id, value }) => [id, value()]));
    const refused = await submit(values);
    if (refused) error.textContent = refused;
    else dialog.close();
  };
  dialog.open({
    title: modal.title,
    look: "modal",
    body: [
      h("p", { class: "warning" }, `This form will be submitted to ${bot}. Do not share passwords.`),
      fields.map(({ node }) => node),
      error,
    ],
    foot: [
      h("button", { type: "button", class: "button quiet", onclick: () => dialog.dismiss() }, "Cancel"),
      h("button", { type: "submit", class: "button primary" }, "Submit"),
    ],
    onClose: close,
    onSubmit: send,
  });
}

function built(field) {
  if (field.kind === "note") return { node: h("p", { class: "note" }, field.text) };
  return field.kind === "select" ? choice(field) : writing(field);
}

function labelled(field, input) {
  return h(
    field.kind === "select" ? "div" : "label",
    { class: "field" },
    h(
      "span",
      { class: "field-label" },
      field.label,
      field.required && h("b", { class: "required", title: "Required" }, " *"),
    ),
    field.about && h("small", null, field.about),
    input,
  );
}

function writing(field) {
  const input = h(field.long ? "textarea" : "input", {
    type: field.long ? null : "text",
    rows: field.long ? "4" : null,
    "aria-label": field.label,
    placeholder: field.placeholder,
    maxlength: field.max_length,
    autocomplete: "off",
    spellcheck: "false",
  });
  input.value = field.value;
  const complete = () => {
    const length = input.value.trim().length;
    const least = Math.max(field.min_length, field.required ? 1 : 0);
    const fine = length >= least || (!length && !field.required);
    input.setAttribute("aria-invalid", String(!fine));
    return fine;
  };
  return { id: field.id, node: labelled(field, input), input, value: () => input.value.trim(), complete };
}

function choice(field) {
  const select = new Select({ ...field, label: field.label }, field.options, null);
  const complete = () => !field.required || select.values.length > 0;
  return { id: field.id, node: labelled(field, select.node), input: select, value: () => select.values, complete };
}
