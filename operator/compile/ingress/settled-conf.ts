// The WorkspaceConf of a place as it counts: as it is written, or as it was where a change was not confirmed in time.
import type { AccessConf, IngressPlanSpec, Trial } from '../../model/ingress-plan.ts';
import type { Problem } from '../../model/problem.ts';
import { WORKSPACE_CONF_NAME, type WorkspaceConf } from '../../model/workspace-conf.ts';
import { type Former, isOver, judgeTrial, versionOf } from './trials.ts';

export interface SettledConf {
  readonly conf: WorkspaceConf | 'unreadable' | undefined;
  /** Of the one that counts; undefined where it was taken back. */
  readonly version: string | undefined;
  readonly trial: Trial | undefined;
  readonly problems: readonly Problem[];
}

/** Without a time nothing is taken back. */
export function settleConf(
  conf: WorkspaceConf | 'unreadable' | undefined,
  former: IngressPlanSpec | undefined,
  atMs: number | undefined,
): SettledConf {
  const trial = former?.trials?.find(({ kind }) => kind === 'WorkspaceConf');
  if (conf === undefined) return { conf, version: undefined, trial: undefined, problems: [] };
  if (conf === 'unreadable')
    return { ...unreadableConf(trial, atMs), version: former?.confVersion, problems: [] };
  const version = versionOf(conf);
  if (atMs === undefined) return { conf, version, trial, problems: [] };
  const isChanged = version !== former?.confVersion;
  const known = { trial, inForce: inForceOf(former), isChanged, isAsBefore: false };
  const verdict = judgeTrial(conf, { ...known, atMs });
  const settled = { trial: verdict.trial, problems: verdict.problems };
  if (verdict.former === undefined) return { conf, version, ...settled };
  return { conf: confAsBefore(conf, verdict.former.formerConf), version: undefined, ...settled };
}

/** The plan has what was in force, until its time is over. */
function unreadableConf(
  trial: Trial | undefined,
  atMs: number | undefined,
): Pick<SettledConf, 'conf' | 'trial'> {
  if (trial === undefined || !isOver(trial, atMs)) return { conf: 'unreadable', trial };
  return { conf: confAsBefore(EMPTY_CONF, trial.formerConf), trial };
}

const EMPTY_CONF: WorkspaceConf = {
  kind: 'WorkspaceConf',
  metadata: { name: WORKSPACE_CONF_NAME },
  spec: { enableIpAccessLists: false, enableUdfNetworkAccess: false },
};

function inForceOf(former: IngressPlanSpec | undefined): Former {
  return former?.confVersion === undefined ? {} : { formerConf: accessOf(former) };
}

function accessOf({
  enableIpAccessLists,
  hosts,
  backends,
  tlsSecretName,
  tlsPassthrough,
}: IngressPlanSpec): AccessConf {
  return {
    enableIpAccessLists,
    ...(hosts === undefined ? {} : { hosts }),
    ...(backends === undefined ? {} : { backends }),
    ...(tlsSecretName === undefined ? {} : { tlsSecretName }),
    tlsPassthrough,
  };
}

/** Only the way in: what is about egress counts as it is written. */
function confAsBefore(conf: WorkspaceConf, before: AccessConf | undefined): WorkspaceConf {
  const { ingress: _, ...spec } = conf.spec;
  if (before === undefined) return { ...conf, spec: { ...spec, enableIpAccessLists: false } };
  const { enableIpAccessLists, ...ingress } = before;
  return { ...conf, spec: { ...spec, enableIpAccessLists, ingress } };
}
