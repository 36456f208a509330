// What a difference is worth, wherever one is shown.

import { el } from "./dom.js";

/** A p-value, and that the difference may be noise, where it may. Nothing where it is not known. */
export function noiseNote(verdict) {
  if (!verdict) return null;
  const how = verdict.corrected
    ? "corrected for having looked at several (Holm)"
    : "not corrected for having looked at several";
  return el(
    "span",
    { class: "noise", title: `p-value of the difference, ${how}` },
    `p ${verdict.p}`,
    verdict.noise ? ", may be noise" : "",
  );
}
