// Questions by result, counted since the start.

export class DnsCounts {
  readonly questions = {
    address: 0,
    noData: 0,
    noName: 0,
    forwarded: 0,
    /** Names of Services, while Services have not been read. */
    unknown: 0,
    malformed: 0,
    tooMany: 0,
  };
  /** Denied questions without a row of their own, since one of the same source and name had just got one. */
  folded = 0;
  /** Dropped rows of denied questions, since too many waited for the file system. */
  dropped = 0;
}
