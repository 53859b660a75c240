// Random edits of a folder, and what gets in the way of bringing them into force, as values.
// In: nothing. Out: arbitraries of fast-check, and the names, products and ports that they are about.
import fc from 'fast-check';
import type { Product } from '../../../operator/model/product.ts';
import type { WrittenAccess, WrittenPort } from './workspace-yaml.ts';

const WORKSPACES = ['lab', 'shop', 'team'] as const;
const PRODUCTS = ['JOBS', 'DBSQL', 'PROVISIONED_THROUGHPUT'] as const satisfies readonly Product[];
export const PRIVATE_NAME = 'db.private.example';
export const NAMES = ['a.example.com', 'b.example.com', 'c.example.net', 'x.wild.example.org', PRIVATE_NAME];
const PORTS = [443, 8443, 9443] as const;

type WorkspaceName = (typeof WORKSPACES)[number];
/** What becomes of a workspace's file in place of YAML; none of them goes by way of a missing file. */
export type Spoiling = 'no YAML' | 'link to nowhere' | 'unreadable' | 'no UTF-8';
/** What lies in the folder, too. */
export type OddEntry = 'directory' | 'pipe' | 'device' | 'link to nowhere' | 'lock of an editor';
/** Files of the gateway, one of which cannot be written. */
export type StateFile = 'a table' | 'a cluster' | 'a listener' | 'endpoints' | 'tunnels' | 'ports';

export type Step =
  | { readonly kind: 'write'; readonly workspace: WorkspaceName; readonly access: WrittenAccess }
  | { readonly kind: 'remove'; readonly workspace: WorkspaceName }
  | { readonly kind: 'spoil'; readonly workspace: WorkspaceName; readonly how: Spoiling }
  | { readonly kind: 'add odd entry'; readonly how: OddEntry }
  | { readonly kind: 'write private endpoint'; readonly workspaces: readonly string[]; readonly port: number }
  | { readonly kind: 'remove private endpoint' }
  | {
      readonly kind: 'take port';
      readonly workspace: WorkspaceName;
      readonly product: Product;
      readonly offset: number;
    }
  | { readonly kind: 'block file'; readonly file: StateFile; readonly which: number }
  | { readonly kind: 'clear the way' };

export interface Probe {
  readonly workspace: WorkspaceName;
  readonly product: Product;
  readonly name: string;
  readonly port: number;
  /** By CONNECT, or as TLS to the port that stands for the server's. */
  readonly way: 'proxy' | 'direct';
}

const WORKSPACE = fc.constantFrom(...WORKSPACES);
const PRODUCT = fc.constantFrom(...PRODUCTS);

const PORT_LISTS: readonly (readonly WrittenPort[] | undefined)[] = [
  undefined,
  tls(443),
  tls(8443),
  tls(9443),
  tls(8443, 9443),
  tls(443, 8443),
  [{ port: 8443, protocol: 'TCP' }],
];

const MODES: readonly WrittenAccess[] = [
  {},
  {},
  { policyEnforcement: { enforcementMode: 'DRY_RUN' } },
  { policyEnforcement: { enforcementMode: 'DRY_RUN', dryRunModeProductFilter: ['DBSQL'] } },
  { restrictionMode: 'FULL_ACCESS' },
];

const ENTRY = fc
  .tuple(
    fc.constantFrom('a.example.com', 'b.example.com', 'c.example.net', '*.wild.example.org'),
    fc.constantFrom(...PORT_LISTS),
  )
  .map(([destination, ports]) => ({ destination, ...(ports === undefined ? {} : { ports }) }));

const ACCESS: fc.Arbitrary<WrittenAccess> = fc
  .tuple(
    fc.uniqueArray(ENTRY, { maxLength: 3, selector: ({ destination }) => destination }),
    fc.subarray(['b.example.com', 'x.wild.example.org'], { maxLength: 1 }),
    fc.constantFrom(...MODES),
  )
  .map(([allowed, blocked, mode]) => ({
    allowedInternetDestinations: allowed,
    blockedInternetDestinations: blocked.map((destination) => ({ destination })),
    ...mode,
  }));

const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('write' as const), workspace: WORKSPACE, access: ACCESS }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), workspace: WORKSPACE }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('spoil' as const),
      workspace: WORKSPACE,
      how: fc.constantFrom<Spoiling>('no YAML', 'link to nowhere', 'unreadable', 'no UTF-8'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('add odd entry' as const),
      how: fc.constantFrom<OddEntry>('directory', 'pipe', 'device', 'link to nowhere', 'lock of an editor'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('write private endpoint' as const),
      workspaces: fc.subarray([...WORKSPACES], { minLength: 1 }),
      port: fc.constantFrom(443, 8443),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'remove private endpoint' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('take port' as const),
      workspace: WORKSPACE,
      product: PRODUCT,
      offset: fc.constantFrom(4, 5),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('block file' as const),
      file: fc.constantFrom<StateFile>(
        'a table',
        'a table',
        'a cluster',
        'a listener',
        'endpoints',
        'tunnels',
        'ports',
      ),
      which: fc.nat(99),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'clear the way' as const }) },
);

const PROBE: fc.Arbitrary<Probe> = fc.record({
  workspace: WORKSPACE,
  product: PRODUCT,
  name: fc.constantFrom(...NAMES),
  port: fc.constantFrom(...PORTS),
  way: fc.constantFrom('proxy' as const, 'direct' as const),
});

/** A step, and what is asked after it. */
export const EDIT = fc.record({
  step: STEP,
  probes: fc.array(PROBE, { minLength: 10, maxLength: 10 }),
});

export function allProbes(): readonly Probe[] {
  return WORKSPACES.flatMap((workspace) =>
    PRODUCTS.flatMap((product) =>
      NAMES.flatMap((name) =>
        PORTS.flatMap((port) =>
          (['proxy', 'direct'] as const).map((way) => ({ workspace, product, name, port, way })),
        ),
      ),
    ),
  );
}

function tls(...ports: readonly number[]): readonly WrittenPort[] {
  return ports.map((port) => ({ port, protocol: 'TLS' }));
}
