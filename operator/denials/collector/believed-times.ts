// Times that no clock can have now -> the time of arrival. A gateway's clock may be years off, and decides what retention
// deletes and which days are exported: a row of 1970 would be deleted at once, and one of 9999 never.
import { parseMicros } from '../store/event-time.ts';
import type { LogRow, RaisedRow } from '../store/row-sink.ts';

const FIRST_MS = Date.UTC(2020, 0, 1);
/** Clocks of nodes differ. */
const FUTURE_MS = 86_400_000;
/** No row has it after correctTimes(). At that time nobody was denied, so whoever looks for the pod finds none. */
const NO_TIME = '1970-01-01T00:00:00Z';

export interface ReceivedRows<Row extends LogRow> {
  readonly denials: readonly Row[];
  readonly raised?: readonly RaisedRow[];
}

/** Rows with other times get one that no pod has, until correctTimes(). */
export function withoutDoubtfulTimes<Row extends LogRow>(
  { denials }: Pick<ReceivedRows<Row>, 'denials'>,
  nowMs: number,
): readonly Row[] {
  return denials.map((row) => (isBelieved(row.eventTime, nowMs) ? row : { ...row, eventTime: NO_TIME }));
}

/** All rows have a time that a store takes. */
export function correctTimes<Row extends LogRow>(
  { denials, raised = [] }: ReceivedRows<Row>,
  nowMs: number,
): Required<ReceivedRows<Row>> & { readonly corrected: number } {
  const isDoubtful = ({ eventTime }: { readonly eventTime: string }): boolean =>
    !isBelieved(eventTime, nowMs);
  const arrival = new Date(nowMs).toISOString();
  const corrected = <Timed extends { readonly eventTime: string }>(row: Timed): Timed =>
    isDoubtful(row) ? { ...row, eventTime: arrival } : row;
  return {
    denials: denials.map(corrected),
    raised: raised.map(corrected),
    corrected: denials.filter(isDoubtful).length,
  };
}

function isBelieved(time: string, nowMs: number): boolean {
  const micros = parseMicros(time);
  if (micros === undefined) return false;
  const ms = Number(micros / 1000n);
  return ms >= FIRST_MS && ms <= nowMs + FUTURE_MS;
}
