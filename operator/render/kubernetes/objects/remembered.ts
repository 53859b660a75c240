// Computing the same from the same again and again, for 1,000 workspaces in every pass, is avoided here.

/**
 * The very same answer as before for the very same object with the very same surroundings. Neither ever changes, so
 * this is no state; objects are held weakly, so what was computed from one goes with it.
 */
export function remembered<Subject extends object, Around extends readonly unknown[], Answer>(
  compute: (subject: Subject, ...around: Around) => Answer,
): (subject: Subject, ...around: Around) => Answer {
  const known = new WeakMap<Subject, { readonly around: Around; readonly answer: Answer }>();
  return (subject, ...around) => {
    const before = known.get(subject);
    if (before?.around.every((one, at) => one === around[at]) === true) return before.answer;
    const answer = compute(subject, ...around);
    known.set(subject, { around, answer });
    return answer;
  };
}
