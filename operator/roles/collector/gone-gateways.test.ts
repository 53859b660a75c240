import { setTimeout as delay } from 'node:timers/promises';
import type { RowBatch, RowSink } from '../../denials/store/row-sink.ts';
import type { Denial } from '../../model/denial.ts';
import { GoneGateways } from './gone-gateways.ts';

const SETTLED_MS = 40;

/** One gateway, whose last report said that it had recorded 30 denials, and a store that has some of them. */
class Scene {
  isGone = false;
  stored = 10;
  readonly batches: RowBatch<Denial>[] = [];
  readonly #sink: RowSink<Denial> = {
    canRaise: true,
    progress: async () => ({ positions: new Map(), lastSequence: this.stored, denials: this.stored }),
    append: async (batch) => {
      this.batches.push(batch);
      return { stored: batch.denials.length, duplicates: 0 };
    },
  };
  readonly gateways = new GoneGateways({
    api: { request: async ({ path }) => (path.endsWith('/pods') ? this.#pods() : this.#reports()) },
    namespace: 'sallyport-system',
    store: { outbound: this.#sink, inbound: undefined as never },
    onLost: () => undefined,
  });

  get lost(): readonly number[] {
    return this.batches.flatMap(({ denials }) => denials.map(({ lost }) => lost));
  }

  #pods(): object {
    return { items: this.isGone ? [] : [{ metadata: { name: 'gw-1', uid: 'u' } }] };
  }

  #reports(): object {
    const denials = { podUid: 'u', recorded: 30, unsent: 20 };
    const spec = { renewTime: new Date().toISOString(), denials };
    return { items: [{ metadata: { name: 'gw-1', uid: 'r' }, spec }] };
  }
}

test('rows that a gateway sends after its pod is gone are not counted as lost', async () => {
  const scene = new Scene();
  await scene.gateways.look(SETTLED_MS);
  await delay(2 * SETTLED_MS);
  scene.isGone = true;
  await scene.gateways.look(SETTLED_MS);
  expect(scene.lost).toEqual([]);
  scene.stored = 25;
  await delay(2 * SETTLED_MS);
  await scene.gateways.look(SETTLED_MS);
  expect(scene.lost).toEqual([5]);
});
