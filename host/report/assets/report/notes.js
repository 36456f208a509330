// Tags and notes that people keep beside a run, never in its folder. A page that is served can change them; the page of one
// file shows them as they were when it was made.

/** The notes of a run, by what they are of: `run`, `iteration-3`, or `example-val-0017`. */
export class Notes {
  /** `address` is where they are kept, null where they cannot be. */
  constructor(address, kept) {
    this.address = address;
    this.kept = new Map(Object.entries(kept?.notes ?? {}));
  }

  /** Whether notes can be kept here. */
  get isOpen() {
    return this.address !== null;
  }

  /** Whether there is something on this. */
  has(name) {
    return this.kept.has(name);
  }

  of(name) {
    return this.kept.get(name) ?? { tags: [], note: "" };
  }

  /** All tags that are in use. */
  get tags() {
    return [...new Set([...this.kept.values()].flatMap((it) => it.tags))].sort();
  }

  async put(name, entry) {
    const response = await fetch(this.address, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ of: name, ...entry }),
    });
    if (!response.ok) throw new Error(await response.text());
    this.kept = new Map(Object.entries((await response.json()).notes));
  }
}

/** The notes of a run at the server that shows it. */
export async function servedNotes(run) {
  const address = `/notes/${encodeURIComponent(run)}`;
  const response = await fetch(address);
  if (response.ok) return new Notes(address, await response.json());
  return new Notes(null, null);
}
