// Computes again only when an argument is another object than the time before.
export function memo<Args extends readonly unknown[], Result>(
  compute: (...args: Args) => Result,
): (...args: Args) => Result {
  let last: { readonly args: Args; readonly result: Result } | undefined;
  return (...args) => {
    if (last === undefined || last.args.some((value, at) => value !== args[at])) {
      last = { args, result: compute(...args) };
    }
    return last.result;
  };
}
