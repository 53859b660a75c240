// What became of questions, as numbers since the start; read when somebody asks for them.

export class DnsCounts {
  readonly questions = {
    address: 0,
    noData: 0,
    noName: 0,
    forwarded: 0,
    /** Names of Services, while nobody knows which there are. */
    unknown: 0,
    malformed: 0,
    tooMany: 0,
  };
  /** Denied questions that got no row of their own, since one of the same source and name had just got one. */
  folded = 0;
  /** Rows of denied questions that were given up, since too many waited for the file system. */
  dropped = 0;
}
