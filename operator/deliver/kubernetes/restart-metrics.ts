// What must restart, as numbers of a limited number of series.
import { Gauge, type Registry } from 'prom-client';
import { MAX_SERIES, OTHER_WORKSPACES } from '../../lib/bounded-counter.ts';
import { PRODUCTS } from '../../model/product.ts';
import type { RestartEventsInput } from '../../render/kubernetes/restart-events.ts';

type Restarts = RestartEventsInput['after'];

/** Read whenever somebody asks for the numbers. */
export function measureRestarts(registry: Registry, restarts: () => Restarts): readonly Gauge[] {
  const registers = [registry];
  const workloads = new Gauge({
    name: 'sallyport_stale_workloads',
    help: 'Workloads that must restart before their policy applies to them',
    labelNames: ['workspace', 'product', 'direction'],
    registers,
    collect() {
      this.reset();
      for (const { labels, count } of countsOf(restarts())) this.set(labels, count);
    },
  });
  const pods = new Gauge({
    name: 'sallyport_more_open_pods',
    help: 'Pods in lanes more open than their policy says',
    registers,
    collect() {
      this.set([...restarts().values()].reduce((sum, { moreOpenPods }) => sum + moreOpenPods, 0));
    },
  });
  return [workloads, pods];
}

interface Counted {
  readonly labels: { readonly workspace: string; readonly product: string; readonly direction: string };
  count: number;
}

/** Beyond so many series workloads count for all other workspaces together. */
function countsOf(restarts: Restarts): Iterable<Counted> {
  const counts = new Map<string, Counted>();
  for (const [name, { workloads }] of restarts)
    for (const { product: said, isMoreOpen } of workloads) {
      // Any pod may say any product.
      const product = PRODUCTS.find((known) => known === said) ?? 'GENERAL';
      const rest = { product, direction: isMoreOpen ? 'more-open' : 'stricter' };
      const own = JSON.stringify([name, rest]);
      const workspace = counts.has(own) || counts.size < MAX_SERIES ? name : OTHER_WORKSPACES;
      const key = JSON.stringify([workspace, rest]);
      const counted = counts.get(key) ?? { labels: { workspace, ...rest }, count: 0 };
      counted.count += 1;
      counts.set(key, counted);
    }
  return counts.values();
}
