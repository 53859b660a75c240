// An answer of the collector that is no success: its status, and a sentence for whoever reads the caller's log.
export class CollectorError extends Error {
  readonly status: number;

  constructor(status: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

/** The caller should ask again after this time. */
export class BusyError extends CollectorError {
  readonly retryAfterS = 5;
}
