// A folder of YAML as a user would have it: one workspace under one policy, two lines for each allowed destination.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const WORKSPACE = 'bench';
/** One DNS record answers for all. */
export const ANY_NAME = '*.bench.example';

/** "host-0001.bench.example" and so on. */
export function destinationNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `host-${String(at).padStart(4, '0')}.bench.example`);
}

/** `count` of the names, evenly spread, so that they lie in all shards. */
export function sampleOf(names: readonly string[], count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => names[Math.floor((at * names.length) / count)] ?? '');
}

export class BenchFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async create(names: readonly string[]): Promise<void> {
    await mkdir(this.path, { recursive: true });
    await writeFile(join(this.path, 'workspace.yaml'), WORKSPACE_TEXT);
    await writeFile(this.#policyPath, policyText(names));
  }

  /** As editors and configuration management do it; resolves with the moment of the rename (performance.now()). */
  async replace(names: readonly string[]): Promise<number> {
    const temporary = `${this.#policyPath}.new`;
    await writeFile(temporary, policyText(names));
    const atMs = performance.now();
    await rename(temporary, this.#policyPath);
    return atMs;
  }

  /** As `cat > file` does it; resolves with the moment before the first byte. */
  async overwrite(names: readonly string[]): Promise<number> {
    const text = policyText(names);
    const atMs = performance.now();
    await writeFile(this.#policyPath, text);
    return atMs;
  }

  get #policyPath(): string {
    return join(this.path, 'policy.yaml');
  }
}

const WORKSPACE_TEXT = `apiVersion: v1
kind: Namespace
metadata:
  name: ${WORKSPACE}
  labels:
    sallyport.dev/workspace: "1"
---
apiVersion: sallyport.dev/v1alpha1
kind: PolicyAssignment
metadata:
  name: ${WORKSPACE}
spec:
  networkPolicyId: bench
`;

function policyText(names: readonly string[]): string {
  const entries = names.map(
    (name) => `        - destination: ${name}\n          reason: for the benchmark\n`,
  );
  return `apiVersion: sallyport.dev/v1alpha1
kind: NetworkPolicy
metadata:
  name: bench
spec:
  egress:
    networkAccess:
      restrictionMode: RESTRICTED_ACCESS
      allowedInternetDestinations:
${entries.join('')}`;
}
