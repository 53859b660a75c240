// Whether the network isolates, as numbers: nodes by what is known of them, and measurements.
import { Counter, Gauge, type Registry } from 'prom-client';
import { freshFinding, type IsolationMeasurements } from '../../../model/isolation.ts';
import type { CanaryAnswer } from './due-nodes.ts';

const RESULTS = ['enforced', 'not-enforced', 'unknown'] as const;
type Result = (typeof RESULTS)[number];

/** The result counts what comes; `measurements` is read whenever somebody asks for the numbers. */
export function measureIsolation(
  registry: Registry,
  measurements: () => IsolationMeasurements,
): (answer: CanaryAnswer) => void {
  new Gauge({
    name: 'sallyport_isolation_nodes',
    help: 'Nodes by whether canary pods showed that the network enforces KubeNetworkPolicies; only of the leader',
    labelNames: ['result'],
    registers: [registry],
    collect() {
      const all = measurements();
      const found = all.nodes.map((one) => resultOf(freshFinding(one, all, Date.now())));
      for (const result of RESULTS) this.set({ result }, found.filter((one) => one === result).length);
    },
  });
  const counter = new Counter({
    name: 'sallyport_isolation_measurements_total',
    help: 'Canary pods by what they showed',
    labelNames: ['result'],
    registers: [registry],
  });
  return (answer) => counter.inc({ result: resultOf('finding' in answer ? answer.finding : undefined) });
}

function resultOf(finding: { readonly reached?: string } | undefined): Result {
  if (finding === undefined) return 'unknown';
  return finding.reached === undefined ? 'enforced' : 'not-enforced';
}
