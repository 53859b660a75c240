// Cases and a stage -> tests: every row of every case, sent as a real request through a real Envoy; then the denial
// log, which must have one denial for each denied row and no other.
import { decide, formatRule } from '../../operator/compile/decide.ts';
import { NETWORK_SOURCE_TYPE } from '../../operator/model/product.ts';
import type { Reason } from '../../operator/model/reason.ts';
import { type CaseFolder, deciderOf } from './case-folder.ts';
import { CaseReplay, type Seen } from './case-replay.ts';
import { aimOf, type CaseRow, canonicalHost, isAddressRow, requestOf, titleOf } from './case-rows.ts';
import { forbiddenNames } from './outside-names.ts';
import { DENIAL_COLUMNS, type LoggedDenial, type StartStage } from './stage.ts';

/** Found only after the tunnel was opened, so that no status can tell. */
const INSIDE_REASONS: readonly Reason[] = ['SNI_MISMATCH', 'NO_SNI', 'NOT_TLS', 'UNRESOLVED_OR_PRIVATE'];

export interface ReplayOptions {
  readonly cases: readonly CaseFolder[];
  readonly startStage: StartStage;
  /** Columns of a denial that the gateway of this stage cannot know; they must be null. */
  readonly unknown?: readonly (typeof DENIAL_COLUMNS)[number][];
}

export function replayCases({ cases, startStage, unknown = [] }: ReplayOptions): void {
  describe.each(cases.map((found) => [found.name, found] as const))('%s', (_name, found) => {
    let replay: CaseReplay;

    beforeAll(async () => {
      replay = await CaseReplay.start(found, startStage);
    });

    afterAll(() => replay.finish());

    it.each(found.rows.map((row) => [titleOf(row), row] as const))('Envoy: %s', async (_title, row) => {
      expect(await replay.replay(row)).toEqual(wanted(row));
    });

    it('asks the DNS for no name that is denied', () => {
      const names = forbiddenNames(found.rows, (row) => row.verdict !== 'DROP' || isAddressRow(row));
      expect(names.flatMap((name) => replay.questionsFor(name))).toEqual([]);
    });

    it('logs one denial for each denied row, and none for the others', async () => {
      const nothing = Object.fromEntries(unknown.map((column) => [column, null]));
      const denied = found.rows.filter(({ verdict }) => verdict !== 'ALLOW');
      const expected = denied.map((row) => ({ ...wantedDenial(found, row, replay.address), ...nothing }));
      expect(sorted(await replay.finish())).toEqual(sorted(expected));
    });

    it('lets nothing arrive after its row', async () => {
      await replay.finish();
      expect(replay.lateArrivals).toBe(0);
    });
  });
}

function wanted({ verdict, reason }: CaseRow): Seen {
  if (reason === 'FULL_ACCESS') return { answer: 'no gateway in the way', arrived: false };
  if (verdict !== 'DROP') return { answer: 'answered', arrived: true };
  return { answer: INSIDE_REASONS.includes(reason) ? 'tunnel closed' : `403 ${reason}`, arrived: false };
}

/** The one denial that the log must have for a denied row. */
function wantedDenial(found: CaseFolder, row: CaseRow, address: string): LoggedDenial {
  const { index, lane, policy } = deciderOf(found, row);
  const { host, port } = aimOf(row, address);
  const { rule } = decide(index, lane, requestOf(row, address));
  return {
    workspace: row.workspace,
    product: row.product,
    policy,
    network_source_type: NETWORK_SOURCE_TYPE[row.product],
    access_type: row.verdict,
    reason: row.reason,
    destination: canonicalHost(host.includes(':') ? `[${host}]` : host),
    port,
    rule: rule === undefined ? null : formatRule(rule),
    revision: index.table.revision,
  };
}

function sorted(rows: readonly LoggedDenial[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted();
}
