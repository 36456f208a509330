// The contract `mmh:harness@2.0.0` as TypeScript: what a harness imports, and the types of what it exports.
// wit/harness.wit is where it is written down, with all that there is to say of it.

declare module 'mmh:harness/types@2.0.0' {
  /** What the examples are about. `labels` is empty for an open task. */
  export interface Task { name: string; instructions: string; labels: string[] }
  /** A named value beside an input's text. */
  export interface Field { name: string; value: string }
  /** What is asked in one example. */
  export interface Input { text: string; fields: Field[] }
  /** A harness's answer for one input. */
  export interface Answer { text: string }
  /** What this harness answered for an input of which the gold answer is known. */
  export interface Attempt { answer: Answer; score: number; correct: boolean }
  /** One example of the train split with its gold answer. */
  export interface Feedback { input: Input; gold: string; attempt?: Attempt }
}

declare module 'mmh:harness/model@2.0.0' {
  export type Role = 'user' | 'assistant';
  export interface Message { role: Role; content: string }
  export interface Request {
    system?: string;
    /** The last message is the user's. */
    messages: Message[];
    maxTokens: number;
    temperature?: number;
    /** Texts at which the reply stops: at most 4. */
    stop: string[];
  }
  export interface Reply {
    text: string;
    stopReason: 'end' | 'length' | 'stop-sequence' | 'other';
    usage: { inputTokens: bigint; outputTokens: bigint };
  }
  export type ModelError =
    | { tag: 'budget-spent' }
    | { tag: 'call-limit'; val: number }
    | { tag: 'too-large'; val: bigint }
    | { tag: 'invalid' | 'refused' | 'unavailable'; val: string };
  export type Result = { tag: 'ok'; val: Reply } | { tag: 'err'; val: ModelError };
  /** Asks the target model once. Throws an error whose `payload` is a ModelError. */
  export function complete(request: Request): Reply;
  /** Asks several questions at once; the replies come in their order. */
  export function completeAll(requests: Request[]): Result[];
  /** How many model calls this call of the harness has left. */
  export function callsLeft(): number;
  /** How much fuel this call of the harness has left. */
  export function fuelLeft(): bigint;
}

declare module 'mmh:harness/log@2.0.0' {
  export type Level = 'debug' | 'info' | 'warn' | 'error';
  /** Appends a line to the example's log. */
  export function write(level: Level, message: string): void;
}

// What the runtime has besides the language itself, and a harness needs for its state.
declare class TextEncoder { encode(text: string): Uint8Array }
declare class TextDecoder { decode(bytes: Uint8Array): string }
/** Writes to standard output, `error` and `warn` to standard error: `mmh eval --show` has both. `write` makes a line of the log. */
declare const console: Record<'debug' | 'log' | 'info' | 'warn' | 'error', (...words: unknown[]) => void>;
