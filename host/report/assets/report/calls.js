// Calls to a model: what was asked and what came back, in one turn or as a conversation.

import { el, raw, unfolding } from "./dom.js";
import { count, dollars, grouped } from "./text.js";

/** All calls of an example or a batch. What a call repeats of the one before it is folded. */
export function modelCalls(details, calls) {
  return calls.map((call, at) => modelCall(details, call, at, calls));
}

function modelCall(details, call, at, calls) {
  const title = calls.length > 1 ? `Call ${at + 1} of ${calls.length}` : "Call";
  const repeated = at === 0 ? 0 : repeats(details, calls[at - 1], call);
  const messages = call.messages.map(([role, text]) => [role, text]);
  const isTalk = messages.some(([role]) => role === "assistant") || repeated > 0;
  const said = isTalk ? talk(details, call, messages, repeated, at) : oneTurn(details, call, messages);
  return el(
    "section",
    { class: "call" },
    el("h4", {}, title, el("span", { class: "muted" }, ` ${callSizes(call)}`)),
    said,
    el(
      "p",
      { class: "muted digest" },
      `at most ${grouped(call.max_tokens)} tokens${call.temperature === null ? "" : `, temperature ${call.temperature}`}; request sha256 ${call.digest}`,
    ),
  );
}

function oneTurn(details, call, messages) {
  return [
    messages.map(([role, text]) => [
      el("h5", {}, role === "user" ? "prompt" : role),
      raw(details.text(text), role),
    ]),
    call.thinking.length > 0 ? [el("h5", {}, "thought"), raw(details.text(call.thinking), "thought")] : null,
    call.error.length > 0
      ? [el("h5", { class: "bad" }, "error"), raw(details.text(call.error), "error")]
      : [el("h5", {}, "reply"), raw(details.text(call.reply), "reply")],
  ];
}

/** How many messages of a call are those of the call before it with its reply: 0 unless it goes on with that one. */
function repeats(details, before, call) {
  const text = (it) => details.text(it);
  const said = [...before.messages.map(([role, it]) => [role, text(it)]), ["assistant", text(before.reply)]];
  if (call.messages.length <= said.length) return 0;
  const goesOn = said.every(
    ([role, it], at) => call.messages[at][0] === role && text(call.messages[at][1]) === it,
  );
  return goesOn ? said.length : 0;
}

const SPEAKERS = { system: "system", user: "harness", assistant: "model" };

/** A conversation, speaker by speaker. */
function talk(details, call, messages, repeated, at) {
  const turn = ([role, text], kind = "") =>
    el(
      "li",
      { class: `said-by ${role} ${kind}` },
      el("h5", {}, SPEAKERS[role] ?? role),
      raw(details.text(text), SPEAKERS[role] ?? role),
    );
  const earlier =
    repeated > 0
      ? el(
          "li",
          { class: "earlier" },
          unfolding({}, el("summary", {}, `${count(repeated, "message")} as in call ${at}`), () =>
            el(
              "ol",
              { class: "talk" },
              messages.slice(0, repeated).map((it) => turn(it)),
            ),
          ),
        )
      : null;
  const thought =
    call.thinking.length > 0
      ? el(
          "li",
          { class: "said-by assistant" },
          el("h5", {}, "model, thinking"),
          raw(details.text(call.thinking), "thought"),
        )
      : null;
  const last =
    call.error.length > 0
      ? el(
          "li",
          { class: "said-by error" },
          el("h5", { class: "bad" }, "error"),
          raw(details.text(call.error), "error"),
        )
      : turn(["assistant", call.reply], "reply");
  return el(
    "ol",
    { class: "talk" },
    earlier,
    messages.slice(repeated).map((it) => turn(it)),
    thought,
    last,
  );
}

/** What a call took, in words. */
function callSizes(call) {
  const parts = [`${grouped(call.input_tokens)} tokens in`, `${grouped(call.output_tokens)} out`];
  if (call.cost_usd > 0) parts.push(dollars(call.cost_usd));
  if (call.cached) parts.push("from the cache");
  if (call.attempts > 1) parts.push(`${call.attempts} attempts`);
  if (call.stop_reason) parts.push(call.stop_reason);
  return parts.join(", ");
}
