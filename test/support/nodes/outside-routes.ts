// How answers of the outside world find pods: by their node, which may have another address after a restart.
import { kubectlJson, onHost } from './commands.ts';

export interface Node {
  readonly spec: { readonly podCIDR: string };
  readonly status: { readonly addresses: readonly { readonly type: string; readonly address: string }[] };
}

export async function routeToPods(): Promise<void> {
  const { items: nodes } = await kubectlJson<{ items: readonly Node[] }>(['get', 'node']);
  for (const node of nodes)
    await onHost(['ip', 'route', 'replace', node.spec.podCIDR, 'via', addressOf(node)]);
}

export function addressOf({ status }: Node): string {
  return status.addresses.find(({ type }) => type === 'InternalIP')?.address ?? '';
}
