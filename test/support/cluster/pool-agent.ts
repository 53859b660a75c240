// The part of an agent that writes EndpointSlices, in a process of its own, that tests can freeze and kill. In:
// kubeconfig and name of its pod as arguments. SIGTERM is the start of its drain; it never ends by itself.
import { flushCompileCache } from 'node:module';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import { createLogger } from '../../../operator/lib/logger.ts';
import { roleRegistry } from '../../../operator/lib/loop-metrics.ts';
import { SYSTEM_NAMESPACE } from '../../../operator/model/system-names.ts';
import { EndpointWriter } from '../../../operator/roles/gateway/endpoint-writer.ts';
import { CompiledSource } from '../../../operator/sources/kubernetes/compiled-source.ts';
import { until } from '../until.ts';

const [, , kubeconfig, podName = ''] = process.argv;
const logger = createLogger({ role: 'gateway', level: 'info' });
const api = await connectKubernetes({ kubeconfig });
const shared = { api, namespace: SYSTEM_NAMESPACE };
const source = new CompiledSource({
  ...shared,
  lastGood: { tables: [], plans: [] },
  onChange: () => writer.trigger(),
  onFailure: () => undefined,
});
const writer = new EndpointWriter({
  ...{ ...shared, podName, source, logger, registry: roleRegistry() },
  onWatchFailure: () => undefined,
});
process.on('SIGTERM', () => {
  writer.release().then(
    () => logger.info('released'),
    (error: unknown) => logger.error('not released', { error }),
  );
});
source.start();
writer.start();
await until('it has seen its pool', () => writer.progress().every(({ hasSynced }) => hasSynced));
// It is killed, and would keep nothing of what was compiled for the next one.
flushCompileCache();
logger.info('watches');
