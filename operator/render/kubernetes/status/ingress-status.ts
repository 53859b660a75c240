// An IpAccessList or a WorkspaceConf -> its status: whether it counts, and whether ingress gateways run it.
import type { Verdict, Verdicts } from '../../../model/condition.ts';
import type { IpAccessList } from '../../../model/ip-access-list.ts';
import type { WorkspaceConf } from '../../../model/workspace-conf.ts';
import { acceptedOf } from './accepted.ts';
import type { FoundStatus } from './found-status.ts';
import { hitsField, hitsKey } from './list-hits.ts';
import type { Programmed } from './programmed.ts';
import { readyOf } from './ready.ts';
import type { StatusIndex } from './status-index.ts';

interface ListPlace {
  readonly namespace: string;
  readonly name: string;
  /** Of the stored status, since hits are not written at each change. */
  readonly stored: unknown;
}

const NOT_IN_FORCE: Programmed = { status: 'Unknown', reason: 'NotUsed', message: 'It is not in force' };

/** `list` is undefined where it cannot be read. */
export function listStatus(
  { namespace, name, stored }: ListPlace,
  list: IpAccessList | undefined,
  index: StatusIndex,
): FoundStatus {
  const plan = index.ingressPlans.get(namespace);
  const planned = plan?.spec.lists.find(({ listId }) => listId === name);
  const accepted = acceptedOf(
    index.problems.get(`IpAccessList/${namespace}/${name}`) ?? [],
    list === undefined,
  );
  const noEffect = list && noEffectOf(list, plan?.spec.enableIpAccessLists);
  const verdicts: Verdicts = {
    Accepted: list === undefined ? accepted : withEffect(accepted, list, noEffect),
    Programmed: planned === undefined ? NOT_IN_FORCE : programmedIn(namespace, index),
  };
  const hits = planned && hitsField(index.hits.get(hitsKey(namespace, name)), planned, stored);
  return {
    verdicts: { ...verdicts, Ready: readyList(verdicts, list, noEffect) },
    fields: {
      ...(list === undefined ? {} : { addressCount: list.spec.ipAddresses.length }),
      ...(hits === undefined ? {} : { hits }),
    },
  };
}

function programmedIn(namespace: string, { programmedIngress }: StatusIndex): Programmed {
  return programmedIngress.get(namespace) ?? NOT_IN_FORCE;
}

type NoEffect = Pick<Verdict<'Ready'>, 'reason' | 'message'>;

/** A list that is valid may still have no effect, which people would else look for elsewhere. */
function noEffectOf({ spec }: IpAccessList, isSwitchedOn: boolean | undefined): NoEffect | undefined {
  if (!spec.enabled) return { reason: 'Disabled', message: 'It has no effect while spec.enabled is false' };
  if (isSwitchedOn === true) return undefined;
  return {
    reason: 'NotUsed',
    message: 'It has no effect until enableIpAccessLists of the WorkspaceConf is true',
  };
}

const DENIES_NOBODY = 'it denies nobody, since spec.mode is DRY_RUN';

function withEffect(
  accepted: Verdict<'Accepted'>,
  { spec }: IpAccessList,
  noEffect: NoEffect | undefined,
): Verdict<'Accepted'> {
  if (accepted.reason !== 'Accepted') return accepted;
  if (noEffect !== undefined) return { ...accepted, message: `Valid. ${noEffect.message}` };
  return spec.mode === 'DRY_RUN' ? { ...accepted, message: `Valid and in use: ${DENIES_NOBODY}` } : accepted;
}

/** Remarks before which it does not matter whether lists apply. */
const FIRST_REMARKS: readonly string[] = ['AwaitingConfirmation', 'RulesIgnored'];

function readyList(verdicts: Verdicts, list: IpAccessList | undefined, noEffect: NoEffect | undefined) {
  const ready = readyOf(verdicts);
  if (ready.status !== 'True' || FIRST_REMARKS.includes(ready.reason)) return ready;
  if (noEffect !== undefined) return { ...ready, ...noEffect };
  const isPlain = ready.reason === 'Ready' && list?.spec.mode === 'DRY_RUN';
  return isPlain ? { ...ready, message: `${ready.message}: ${DENIES_NOBODY}` } : ready;
}

/** `conf` is undefined where it cannot be read. */
export function confStatus(
  { namespace, name }: Pick<ListPlace, 'namespace' | 'name'>,
  conf: WorkspaceConf | undefined,
  index: StatusIndex,
): FoundStatus {
  const resolved = index.resolvedIngress.get(namespace);
  const verdicts: Verdicts = {
    Accepted: acceptedOf(index.problems.get(`WorkspaceConf/${namespace}/${name}`) ?? [], conf === undefined),
    ...(resolved === undefined ? {} : { ResolvedRefs: resolved }),
    Programmed: programmedIn(namespace, index),
  };
  return { verdicts: { ...verdicts, Ready: readyOf(verdicts) }, fields: {} };
}
