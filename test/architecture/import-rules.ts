// Who may import whom: the rooms of operator/, no cycles. In: the source tree. Out: one line per violation, with the
// file and what to do.
import type { ImportOf, SourceFile, SourceTree } from '../source-tree.ts';

interface Room {
  /** Rooms, or single files of operator/, that it may import. */
  readonly uses: readonly string[];
  /** Those of which it may use the types only. */
  readonly usesTypesOf?: readonly string[];
}

const EVERYTHING = ['*'];
/** Pure itself: an answer that is remembered by identity is no state. */
const MEMO = 'lib/memo.ts';
/** Texts of durations. */
const DURATION = 'lib/duration.ts';

const ROOMS: Readonly<Record<string, Room>> = {
  lib: { uses: [] },
  model: { uses: [MEMO] },
  compile: { uses: ['model', MEMO, DURATION] },
  render: { uses: ['model', 'compile', MEMO] },
  manifests: { uses: ['model'] },
  'pipeline.ts': { uses: ['model', 'compile', 'render'] },
  sources: { uses: ['model', 'lib'] },
  deliver: { uses: ['model', 'lib', 'render/kubernetes'], usesTypesOf: ['pipeline.ts'] },
  gateway: {
    uses: ['model', 'lib', 'compile', 'render/envoy'],
    usesTypesOf: ['pipeline.ts', 'config.ts', 'inbound-config.ts'],
  },
  denials: { uses: ['model', 'lib', 'denials/reading', 'denials/store'] },
  'denials/reading': { uses: ['model', 'lib', 'compile'] },
  'denials/store': { uses: ['model', 'lib'] },
  'denials/wire': { uses: ['model'] },
  'denials/shipping': { uses: ['model', 'lib', 'denials/store', 'denials/wire'] },
  'denials/collector': { uses: ['model', 'lib', 'denials/store', 'denials/wire', 'denials/query'] },
  'denials/events': { uses: ['model', 'lib', 'compile/suggest', 'denials/query'] },
  'denials/asking': { uses: ['model', 'lib', 'denials/wire'], usesTypesOf: ['denials/query'] },
  'denials/export': { uses: ['model', 'lib', 'denials/store'] },
  'denials/query': { uses: ['model', 'lib', 'denials/store'] },
  api: { uses: ['model', 'lib', 'compile/ingress', 'sources'] },
  'config.ts': { uses: ['model', 'lib', 'option-values.ts', 'inbound-config.ts'] },
  'cluster-config.ts': {
    uses: [
      'model',
      'option-values.ts',
      'config.ts',
      'inbound-config.ts',
      'canary-config.ts',
      'collector-config.ts',
    ],
  },
  'collector-config.ts': { uses: ['option-values.ts'] },
  'person-config.ts': { uses: ['model', 'option-values.ts'] },
  'canary-config.ts': { uses: ['model', 'option-values.ts'] },
  'inbound-config.ts': { uses: ['model', 'option-values.ts'] },
  'option-values.ts': { uses: ['model', 'lib'] },
  roles: { uses: EVERYTHING },
  'command-options.ts': { uses: ['model'] },
  'kubectl-sallyport.ts': { uses: ['model', 'roles', 'command-options.ts'] },
  'folder-commands.ts': { uses: ['model', 'roles', 'command-options.ts'] },
  'cluster-commands.ts': { uses: ['model', 'roles', 'command-options.ts'] },
  'main.ts': { uses: ['command-options.ts', 'folder-commands.ts', 'cluster-commands.ts'] },
};

/** Their answer depends on their arguments alone. */
const PURE: readonly string[] = ['model', 'compile', 'render', 'manifests', 'pipeline.ts', MEMO, DURATION];

/** Libraries that only these rooms know. */
const OWNED_LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-s3': ['denials/export'],
  '@clickhouse/client': ['denials/store/clickhouse'],
  '@duckdb/node-api': ['denials/store/duckdb', 'denials/query'],
  fastify: ['api', 'denials/collector'],
};

const PURE_LIBRARIES =
  /^(?:zod|js-yaml|leven|tldts(?:\/.+)?|tr46|ipaddr\.js|node:(?:assert|buffer|crypto|path|url|util|zlib)(?:\/.+)?)$/;

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** The room of a file: "model" for operator/model/problem.ts, "main.ts" for operator/main.ts. */
export function roomOf(path: string): string | undefined {
  const [top, room] = path.split('/');
  return top === 'operator' ? room : undefined;
}

/** Whether its answer depends on its arguments alone. */
export function isPure(path: string): boolean {
  return PURE.some((name) => path === `operator/${name}` || path.startsWith(`operator/${name}/`));
}

/** Tests may reach across rooms; nothing else in operator/ may, beyond the table. */
export function findForbiddenImports(tree: SourceTree): readonly string[] {
  return tree.sources
    .filter((source) => roomOf(source.path) !== undefined && !isTest(source.path))
    .flatMap((source) => source.imports.flatMap((imported) => faultOf(source, imported)));
}

/** The innermost folder that has a rule: "denials/query" before "denials". */
function ruledRoomOf(path: string): string {
  const [, room = '', inner = ''] = path.split('/');
  return ROOMS[`${room}/${inner}`] === undefined ? room : `${room}/${inner}`;
}

function faultOf(source: SourceFile, imported: ImportOf): readonly string[] {
  const room = ruledRoomOf(source.path);
  const place = `${source.path}:${imported.line} imports "${imported.specifier}"`;
  const rule = ROOMS[room];
  if (rule === undefined) {
    return [
      `${source.path} is in no room of the table: move it, or add "${room}" to test/architecture/import-rules.ts`,
    ];
  }
  if (imported.file === undefined) {
    const owners = OWNED_LIBRARIES[imported.specifier] ?? [''];
    if (!owners.some((owner) => source.path.startsWith(`operator/${owner}`)))
      return [`${place}: only ${owners.join(' and ')} may; take what is stored from there`];
    if (!isPure(source.path) || PURE_LIBRARIES.test(imported.specifier)) return [];
    return [
      `${place}: "${room}" does no I/O, so take the value as an argument or move the code to an outer room`,
    ];
  }
  if (isAllowed(room, imported)) return [];
  const allowed = [...rule.uses, ...(rule.usesTypesOf ?? []).map((name) => `types of ${name}`)].join(', ');
  return [
    `${place}: "${room}" may import ${allowed || 'nothing of ours'}; link the two in operator/roles, or move the code`,
  ];
}

function isAllowed(room: string, imported: ImportOf): boolean {
  const rule = ROOMS[room];
  const target = imported.file?.startsWith('operator/') ? imported.file.slice('operator/'.length) : undefined;
  if (rule === undefined || target === undefined || isTest(target)) return false;
  const within = (name: string): boolean => name === '*' || target === name || target.startsWith(`${name}/`);
  return (
    within(room) || rule.uses.some(within) || (imported.typeOnly && (rule.usesTypesOf ?? []).some(within))
  );
}

/** Each cycle once, as the path that closes it; imports of types count, since they too tie two files together. */
export function findCycles(tree: SourceTree): readonly string[] {
  const imports = importsByFile(tree);
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      const cycle = [...trail.slice(trail.indexOf(path)), path].join(' -> ');
      cycles.push(`${cycle}: move what both need into a file of its own`);
    } else if (!finished.has(path)) {
      for (const next of imports.get(path) ?? []) visit(next, [...trail, path]);
      finished.add(path);
    }
  };
  for (const path of imports.keys()) visit(path, []);
  return cycles;
}

function importsByFile(tree: SourceTree): ReadonlyMap<string, readonly string[]> {
  const existing = new Set(tree.sources.map(({ path }) => path));
  const targetsOf = ({ imports }: SourceFile): readonly string[] => [
    ...new Set(imports.flatMap(({ file }) => (file !== undefined && existing.has(file) ? [file] : []))),
  ];
  return new Map(tree.sources.map((source) => [source.path, targetsOf(source)]));
}
