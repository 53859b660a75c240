// What Envoy may keep where it rejected the wanted version of a resource, or where nobody wants it any more.
import type { NamedResource } from '../../render/envoy/envoy-config.ts';
import type { ResourceKind } from './resource-kind.ts';

export interface StayRules {
  /**
   * Whether a former version may stay in place of the rejected one; `former` is undefined where only a former process
   * knew it.
   */
  readonly mayStay: (
    kind: ResourceKind,
    former: NamedResource | undefined,
    wanted: NamedResource | undefined,
  ) => boolean;
  /** Name of the route table behind which a listener must not serve where the table may not stay; undefined: of none. */
  readonly routesOf: (listener: NamedResource | undefined) => string | undefined;
  /** Of a listener that only Envoy knows: whether only other listeners reach it. */
  readonly isInternalName: (listener: string) => boolean;
}

export const EVERYTHING_STAYS: StayRules = {
  mayStay: () => true,
  routesOf: () => undefined,
  isInternalName: () => false,
};
