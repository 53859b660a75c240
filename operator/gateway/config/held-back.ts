// What is held back: the parts of a configuration that are not in force, and why. By comparison with what Envoy accepted last. Pure.
import type { ConfigContents, Content, Contents, Resource } from './contents.ts';
import type { Layer } from './rejections.ts';
import type { KnownState, WantedConfig } from './wanted-config.ts';

export interface HeldBack {
  readonly layer: Layer;
  readonly name: string;
  /** Undefined where nobody knows what a former process left. */
  readonly of: Resource | undefined;
  /** Envoy's error, or why it was not asked. */
  readonly text: string;
  /** Set where an earlier version is in force; else there is none. */
  readonly isFormer: boolean;
}

export interface FileProblems {
  readonly listeners: string | undefined;
  readonly clusters: string | undefined;
}

interface Comparison {
  readonly layer: Layer;
  readonly all: Contents;
  readonly chosen: Contents;
  readonly good: Contents;
  readonly reasonOf: (name: string, content: Content) => string | undefined;
}

/** Without a reason a table only waits for a listener that names it, and anything else for Envoy. */
export function heldBack(
  all: ConfigContents,
  wanted: WantedConfig,
  known: KnownState,
  files: FileProblems,
): readonly HeldBack[] {
  const { good, rejectionOf, unwritten } = known;
  const listener = { layer: 'listener', good: good.listeners } as const;
  return [
    ...compare({
      ...listener,
      all: all.internalListeners,
      chosen: wanted.internalListeners,
      reasonOf: (name, content) => rejectionOf('listener', name, content) ?? files.listeners,
    }),
    ...compare({
      layer: 'cluster',
      all: all.clusters,
      chosen: wanted.clusters,
      good: good.clusters,
      reasonOf: (name, content) => rejectionOf('cluster', name, content) ?? files.clusters,
    }),
    ...compare({
      layer: 'table',
      all: all.tables,
      chosen: wanted.tables,
      good: good.tables,
      reasonOf: (name, content) =>
        rejectionOf('table', name, content) ?? unwritten.get(name) ?? wanted.noRoom.get(name),
    }),
    ...compare({
      ...listener,
      all: all.egressListeners,
      chosen: wanted.egressListeners,
      reasonOf: (name, content) =>
        rejectionOf('listener', name, content) ?? wanted.closed.get(name) ?? files.listeners,
    }),
    ...leftOpen(all, good.listeners, files.listeners),
  ];
}

/** Egress listeners that are still open although the configuration no longer has them. */
function leftOpen(
  { egressListeners }: ConfigContents,
  good: Contents,
  text: string | undefined,
): readonly HeldBack[] {
  if (text === undefined) return [];
  const left = [...good].filter(([name, { places }]) => places.length > 0 && !egressListeners.has(name));
  return left.map(([name, { of }]) => ({ layer: 'listener', name, of, text, isFormer: true }));
}

function compare({ layer, all, chosen, good, reasonOf }: Comparison): readonly HeldBack[] {
  return [...all].flatMap(([name, content]) => {
    const text = reasonOf(name, content);
    const isInForce = chosen.has(name) && good.get(name)?.text === content.text;
    if (text === undefined || isInForce) return [];
    return [{ layer, name, of: content.of, text, isFormer: chosen.has(name) && good.has(name) }];
  });
}
