// Memoisation by the identity of arguments. Arguments never change, so this is no state:
// equal input is the very same object, and so is the result. Pure, so that the pure rooms may use it.
import { isDeepStrictEqual } from 'node:util';

/**
 * The very same answer as before for the very same subject with the very same things beside it, of which those of the
 * last time are remembered. `beside` says which things count; all unless given. Subjects are held weakly, so what was
 * computed from one goes with it.
 */
export function memoize<Subject extends object, Rest extends readonly unknown[], Answer>(
  compute: (subject: Subject, ...rest: Rest) => Answer,
  beside: (subject: Subject, ...rest: Rest) => readonly unknown[] = (_, ...rest) => rest,
): (subject: Subject, ...rest: Rest) => Answer {
  const known = new WeakMap<Subject, Last<Answer>>();
  return (subject, ...rest) => {
    const things = beside(subject, ...rest);
    const before = known.get(subject);
    if (before !== undefined && areSame(before.things, things)) return before.answer;
    const answer = compute(subject, ...rest);
    known.set(subject, { things, answer });
    return answer;
  };
}

/** The very same result as the last time, where every argument is the very same. */
export function memoizeLast<Args extends readonly unknown[], Answer>(
  compute: (...args: Args) => Answer,
): (...args: Args) => Answer {
  let last: Last<Answer> | undefined;
  return (...args) => {
    if (last === undefined || !areSame(last.things, args)) last = { things: args, answer: compute(...args) };
    return last.answer;
  };
}

/** As memoizeLast(), and the very same result where a new one is equal to it. */
export function memoizeEqual<Args extends readonly unknown[], Answer>(
  compute: (...args: Args) => Answer,
): (...args: Args) => Answer {
  let last: { readonly answer: Answer } | undefined;
  return memoizeLast((...args: Args) => {
    const answer = compute(...args);
    if (last === undefined || !isDeepStrictEqual(last.answer, answer)) last = { answer };
    return last.answer;
  });
}

/** The very same result for the very same subject until its next change (epoch milliseconds). */
export function memoizeUntilChange<Subject extends object, Answer>(
  compute: (subject: Subject, atMs: number) => Answer,
  changesOf: (subject: Subject) => readonly number[],
): (subject: Subject, atMs: number) => Answer {
  const known = new WeakMap<
    Subject,
    { readonly fromMs: number; readonly untilMs: number; readonly answer: Answer }
  >();
  return (subject, atMs) => {
    const before = known.get(subject);
    if (before !== undefined && before.fromMs <= atMs && atMs < before.untilMs) return before.answer;
    const changes = changesOf(subject);
    const fromMs = changes.reduce(
      (last, at) => (at <= atMs ? Math.max(last, at) : last),
      Number.NEGATIVE_INFINITY,
    );
    const untilMs = changes.reduce(
      (next, at) => (at > atMs ? Math.min(next, at) : next),
      Number.POSITIVE_INFINITY,
    );
    const answer = compute(subject, atMs);
    known.set(subject, { fromMs, untilMs, answer });
    return answer;
  };
}

/** An answer for each key; those of the last call are remembered. */
export function memoizeEach<Answer>(
  compute: (key: string) => Answer,
): (keys: readonly string[]) => readonly Answer[] {
  let last: ReadonlyMap<string, Answer> = new Map();
  return (keys) => {
    const before = last;
    last = new Map(keys.map((key) => [key, before.get(key) ?? compute(key)]));
    return keys.map((key) => last.get(key) as Answer);
  };
}

interface Last<Answer> {
  readonly things: readonly unknown[];
  readonly answer: Answer;
}

function areSame(before: readonly unknown[], now: readonly unknown[]): boolean {
  return before.length === now.length && before.every((thing, at) => thing === now[at]);
}
