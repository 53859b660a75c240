// The time of a row, as text in ISO 8601 -> a number, without losing microseconds.
const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?Z$/;

/** Microseconds since 1970. Date.parse stops at milliseconds, so the fraction is read apart. */
export function epochMicros(text: string): bigint {
  const micros = parseMicros(text);
  if (micros === undefined)
    throw new RangeError(`Cannot store a denial with event time "${text}": it is not UTC in ISO 8601`);
  return micros;
}

/** Undefined for a text that is no time. */
export function parseMicros(text: string): bigint | undefined {
  const match = UTC_TIME.exec(text);
  const wholeMs = match ? Date.parse(`${text.slice(0, 19)}Z`) : Number.NaN;
  if (Number.isNaN(wholeMs)) return undefined;
  return BigInt(wholeMs) * 1000n + BigInt((match?.[1] ?? '').padEnd(6, '0').slice(0, 6));
}
