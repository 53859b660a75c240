// The sets of values under which the chart is rendered, and what is rendered: golden files, and the plain manifest.
import { load, loadAll } from 'js-yaml';
import type { ChartValues, Helm } from './helm.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

interface ValueSet {
  readonly values: ChartValues;
  readonly args?: readonly string[];
}

const SCHEDULING = {
  podAnnotations: { 'example.com/team': 'platform' },
  nodeSelector: { 'example.com/pool': 'system' },
  tolerations: [{ key: 'example.com/system', operator: 'Exists' }],
  priorityClassName: 'platform',
};

export const VALUE_SETS: Readonly<Record<string, ValueSet>> = {
  default: { values: {} },
  everything: {
    values: {
      clusterDns: ['10.96.0.10'],
      imagePullSecrets: [{ name: 'pull' }],
      operator: SCHEDULING,
      gateway: {
        ...SCHEDULING,
        autoscaling: { enabled: true },
        denyRanges: ['5.6.7.0/24'],
        resolvers: ['10.0.0.53:53'],
        extraArgs: ['--dns-questions', '500'],
      },
      ingress: {
        ...SCHEDULING,
        enabled: true,
        autoscaling: { enabled: true },
        trustedHops: 1,
        proxyProtocolFrom: ['10.0.0.0/8'],
        authorize: { enabled: true, trustedProxies: ['10.0.0.0/8'] },
      },
      api: {
        ...SCHEDULING,
        enabled: true,
        trustedProxies: ['10.0.0.0/8'],
        allowedFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'proxies' } } }],
      },
      collector: {
        ...SCHEDULING,
        certificate: { secretName: 'collector-tls' },
        storage: { storageClassName: 'fast' },
      },
      restarts: { evict: true },
      monitoring: {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        serviceMonitor: { enabled: true },
        prometheusRule: { enabled: true },
        dashboards: { enabled: true },
      },
    },
    args: ['--api-versions', 'cilium.io/v2/CiliumNetworkPolicy'],
  },
  'without-crds': { values: { crds: { enabled: false }, isolationProbe: { enabled: false } } },
  'any-address': {
    values: {
      networkPolicies: { apiServer: 'anyAddress' },
      restarts: { readOwners: false },
      collector: { storage: { persistent: false } },
    },
  },
  'without-collector': { values: { collector: { enabled: false } } },
};

/** Throws what Helm says. */
export async function render(helm: Helm, name: string): Promise<string> {
  const { values, args = [] } = VALUE_SETS[name] ?? { values: {} };
  const { code, stdout, stderr } = await helm.template(values, args);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** What Helm says after "helm install", from NOTES.txt. Throws what Helm says. */
export async function renderNotes(helm: Helm, name: string): Promise<string> {
  const { values } = VALUE_SETS[name] ?? { values: {} };
  const { code, stdout, stderr } = await helm.install(values, ['--dry-run=client', '--output', 'json']);
  if (code !== 0) throw new Error(stderr);
  const { info } = JSON.parse(stdout) as { readonly info: { readonly notes: string } };
  return info.notes;
}

export function manifestsOf(rendered: string): readonly Manifest[] {
  return (loadAll(rendered) as (Manifest | null)[]).filter((one) => one !== null);
}

const SOURCE = /^# Source: sallyport\/templates\/(?<file>\S+)\.yaml$/m;
/** Of what comes from generated files the kinds stand there only: other tests compare their content. */
const GENERATED_FILES = [
  ...['admission', 'crds', 'rbac', 'owner-rbac', 'removal-rbac', 'collector-rbac', 'eviction-rbac'],
];

/** Rendered text -> what is kept of it in a golden file. */
export function goldenOf(rendered: string): string {
  const texts = rendered.split(/^---$/m).filter((text) => text.trim() !== '');
  const fileOf = (text: string): string => SOURCE.exec(text)?.groups?.['file'] ?? '';
  const isGenerated = (text: string): boolean => GENERATED_FILES.includes(fileOf(text));
  const generated = GENERATED_FILES.map((file) => {
    const kinds = texts.filter((text) => fileOf(text) === file).map((text) => (load(text) as Manifest).kind);
    return `# generated, ${file}: ${[...new Set(kinds)].toSorted().join(', ') || 'nothing'}\n`;
  });
  const own = texts.filter((text) => !isGenerated(text)).map((text) => `---\n${text.trim()}\n`);
  return [...generated, ...own].join('');
}
