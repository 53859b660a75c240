// What a gateway needs of an Envoy, whoever runs it: this process (envoy-process.ts), or another container of the pod
// (external-envoy.ts).
import type { EnvoyAdmin } from './envoy-admin.ts';

/**
 * "adopted" is an Envoy that ran before this process. "awaited" is one that somebody else starts, once its bootstrap is
 * there.
 */
export type EnvoyStart = 'adopted' | 'started' | 'awaited';

export interface EnvoyHandle {
  readonly admin: EnvoyAdmin;
  readonly isRunning: boolean;
  /** Undefined while none runs, and of an Envoy of another container. */
  readonly pid: number | undefined;
  /** Why it must not be used, as a sentence. */
  readonly problem: string | undefined;
  /** Why somebody else should start it again, as a sentence; undefined where nobody need, or it is ours. */
  readonly restartReason: string | undefined;
  /**
   * `isBootstrapNew`: an Envoy that runs was started from another bootstrap.json. Throws, with Envoy's error, where the
   * first start fails.
   */
  start(isBootstrapNew: boolean): Promise<EnvoyStart>;
  /** Ends an Envoy that is ours; stops watching one that is not. */
  stop(): Promise<void>;
  /** Ends the Envoy that a former process of ours left running. */
  endFormer(): Promise<void>;
  /** Writes down which Envoy runs. Returns why that failed. */
  save(): Promise<string | undefined>;
}
