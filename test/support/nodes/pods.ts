// Pods of the end-to-end suite: where they are, what runs in them, and programs that run there for a moment.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubectl, kubectlJson, onNode, ROOT } from './commands.ts';

export const SYSTEM = 'sallyport-system';
export const GATEWAYS = 'app.kubernetes.io/name=sallyport-gateway';
export const OPERATORS = 'app.kubernetes.io/name=sallyport-operator';

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly podIP?: string;
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export async function pods(namespace: string, labels: string): Promise<readonly Pod[]> {
  const list = await kubectlJson<{ items: readonly Pod[] }>(['-n', namespace, 'get', 'pod', '-l', labels]);
  return list.items;
}

export function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return metadata.deletionTimestamp === undefined && ready === true;
}

export async function readyPods(namespace: string, labels: string): Promise<readonly Pod[]> {
  return (await pods(namespace, labels)).filter(isReady);
}

/** The first ready one; throws where there is none. */
export async function onePod(namespace: string, labels: string): Promise<Pod> {
  const [first] = await readyPods(namespace, labels);
  if (first === undefined) throw new Error(`No pod is ready in ${namespace} with ${labels}`);
  return first;
}

/** Runs a program of test/nodes/pod in a client pod, from its text; returns what it wrote. */
export async function runInPod(
  namespace: string,
  program: string,
  args: readonly string[] = [],
  stdin = '',
): Promise<string> {
  const text = await readFile(join(ROOT, 'test/nodes/pod', `${program}.mjs`), 'utf8');
  const node = ['node', '--input-type=module', '--eval', text, ...args];
  return await kubectl(['-n', namespace, 'exec', '-i', 'deploy/client', '--', ...node], stdin);
}

/** Sends a signal to the processes of a pod whose command line contains a text; returns how many there were. */
export async function signalInPod({ metadata, spec }: Pod, text: string, signal: string): Promise<number> {
  const uid = metadata.uid.replaceAll('-', '[-_]');
  const script = `n=0; for p in /proc/[0-9]*; do
    grep -q '${uid}' $p/cgroup 2>/dev/null || continue
    tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q -- '${text}' || continue
    kill -${signal} \${p#/proc/} && n=$((n + 1))
  done; echo $n`;
  return Number(await onNode(spec.nodeName ?? '', script));
}
