// Which workspace a request is for, and whether its caller may access that: both from the compiled plans, so that the
// API admits exactly whom an ingress gateway admits.
import { decideIngress } from '../compile/ingress/decide-ingress.ts';
import { findPlan, findPlanById } from '../compile/ingress/find-plan.ts';
import { memoize } from '../lib/memo.ts';
import type { IngressDecision } from '../model/ingress-decision.ts';
import type { IngressPlan } from '../model/ingress-plan.ts';
import { ApiError, invalid } from './api-error.ts';
import type { Place } from './route.ts';

export interface RequestedWorkspace {
  /** Of the Host header, without a port; lower case. */
  readonly host: string;
  /** Of the header that names a workspace. */
  readonly id: string | undefined;
}

export interface DirectorySettings {
  readonly systemNamespace: string;
  /** Name or id of the workspace of requests that name none. */
  readonly defaultWorkspace: string | undefined;
}

export class WorkspaceDirectory {
  readonly #plans: () => readonly IngressPlan[];
  readonly #settings: DirectorySettings;

  /** `plans` answers with the current ones; the very same array while nothing has changed. */
  constructor(plans: () => readonly IngressPlan[], settings: DirectorySettings) {
    this.#plans = plans;
    this.#settings = settings;
  }

  account(): Place {
    return { level: 'ACCOUNT', namespace: this.#settings.systemNamespace, workspaceId: '' };
  }

  /** An error where the request names no workspace, an unknown one, or two different ones. */
  requested({ host, id }: RequestedWorkspace): Place | ApiError {
    const ofHost = indexOf(this.#plans()).byHost.get(host);
    const named = id ?? (ofHost === undefined ? this.#settings.defaultWorkspace : undefined);
    if (named === undefined) {
      if (ofHost !== undefined) return placeOf(ofHost);
      return new ApiError(
        'RESOURCE_DOES_NOT_EXIST',
        `Cannot find a workspace of host "${host}": call a host of its WorkspaceConf, or name it in X-Databricks-Workspace-Id`,
      );
    }
    const found = this.find(named);
    if (found === undefined) {
      return new ApiError(
        'RESOURCE_DOES_NOT_EXIST',
        `Cannot find workspace "${named}": use the name of its Namespace, or the id in its label sallyport.dev/workspace, where that is the name of no other`,
      );
    }
    if (ofHost === undefined || ofHost === found) return placeOf(found);
    return invalid(
      `Cannot serve workspace "${named}" under host "${host}", which is that of another: call a host of its own, or name no workspace`,
    );
  }

  /** By id or name; undefined where it is the one of this and the other of that. */
  find(idOrName: string): IngressPlan | undefined {
    return findPlan(indexOf(this.#plans()).workspaces, idOrName);
  }

  /** Id of the workspace of a host, or of calls that name none. */
  idOfHost(host: string): string | undefined {
    const { defaultWorkspace } = this.#settings;
    const found = indexOf(this.#plans()).byHost.get(host);
    return idIn(found ?? (defaultWorkspace === undefined ? undefined : this.find(defaultWorkspace)));
  }

  namespaceOf(workspaceId: string): string | undefined {
    return findPlanById(this.#plans(), workspaceId)?.metadata.name;
  }

  idOf(namespace: string): string | undefined {
    const plan = indexOf(this.#plans()).byNamespace.get(namespace);
    return plan?.spec.level === 'WORKSPACE' ? idIn(plan) : undefined;
  }

  /** Where nothing is planned, there are no lists. */
  decide(
    { namespace }: Place,
    address: string,
  ): { readonly decision: IngressDecision; readonly revision: string } {
    const spec = indexOf(this.#plans()).byNamespace.get(namespace)?.spec;
    if (spec === undefined) return { decision: { isAllowed: true, reason: 'LISTS_DISABLED' }, revision: '' };
    return { decision: decideIngress(spec, address), revision: spec.revision };
  }
}

/** A workspace whose label names the id of another has none. */
function idIn(plan: IngressPlan | undefined): string | undefined {
  return plan?.spec.workspaceId || undefined;
}

function placeOf({ metadata, spec }: IngressPlan): Place {
  return { level: 'WORKSPACE', namespace: metadata.name, workspaceId: spec.workspaceId };
}

const indexOf = memoize((plans: readonly IngressPlan[]) => {
  const workspaces = plans.filter(({ spec }) => spec.level === 'WORKSPACE');
  return {
    workspaces,
    byNamespace: new Map(plans.map((plan) => [plan.metadata.name, plan] as const)),
    byHost: new Map(
      workspaces.flatMap((plan) => (plan.spec.hosts ?? []).map((host) => [host, plan] as const)),
    ),
  };
});
