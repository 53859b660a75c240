import { until } from '../../../test/support/until.ts';
import { RequestLog } from './request-log.ts';

interface Line {
  readonly message: string;
  readonly count: number;
  readonly reason?: string;
}

function logged(intervalMs?: number): { readonly log: RequestLog; readonly lines: readonly Line[] } {
  const lines: Line[] = [];
  const write = (message: string, fields?: object): void =>
    void lines.push({ message, ...fields } as unknown as Line);
  return { log: new RequestLog({ warn: write, error: write }, intervalMs), lines };
}

describe('RequestLog', () => {
  it('writes the first of a kind at once, with its reason', () => {
    const { log, lines } = logged();
    for (let number = 0; number < 1000; number += 1) {
      log.refused(403, `forbidden ${number}`, 'query');
      log.refused(400, `unreadable ${number}`, 'batch');
      log.failed(new Error(`no answer ${number}`));
    }
    expect(lines).toEqual([
      { message: 'requests were refused', status: 403, request: 'query', count: 1, reason: 'forbidden 0' },
      { message: 'requests were refused', status: 400, request: 'batch', count: 1, reason: 'unreadable 0' },
      { message: 'requests failed', count: 1, error: new Error('no answer 0') },
    ]);
  });

  it('writes a line for each kind of ended connections', () => {
    const { log, lines } = logged();
    for (let number = 0; number < 1000; number += 1) {
      log.ended('crowded');
      log.ended('unaccepted');
    }
    expect(lines).toEqual([
      { message: expect.stringContaining('there were too many'), count: 1 },
      { message: expect.stringContaining('no caller was known'), count: 1 },
    ]);
  });

  it('writes later ones as one line, with their number and the last reason', async () => {
    const { log, lines } = logged(50);
    for (let number = 0; number < 1000; number += 1) log.refused(403, `forbidden ${number}`, 'query');
    await until('the rest is counted', async () => lines.length > 1);
    log.refused(403, 'again', 'query');
    await until('one more is counted', async () => lines.length > 2);
    expect(lines).toMatchObject([
      { count: 1, reason: 'forbidden 0' },
      { count: 999, reason: 'forbidden 999' },
      { count: 1, reason: 'again' },
    ]);
  });

  it('leaves callers that nobody knows to the metric', () => {
    const { log, lines } = logged();
    log.refused(401, 'who is it', 'batch');
    expect(lines).toEqual([]);
  });
});
