// A real etcd, kube-apiserver and kube-controller-manager on free loopback ports, without nodes: what is written is
// admitted, stored, watched and garbage-collected, but no pod ever runs. For tests (one of its own for each test file,
// with a beforeAll of CONTROL_PLANE_TIMEOUT_MS) and, through hack/kube-apiserver.sh, for people.
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectKubernetes } from '../../../operator/lib/kubernetes/connect-kubernetes.ts';
import type { KubernetesApi } from '../../../operator/lib/kubernetes/kubernetes-api.ts';
import { freePorts } from '../free-ports.ts';
import { applyCrds, applyFiles } from './apply-objects.ts';
import { type ClientAuthority, createClientAuthority, type KubernetesUser } from './client-authority.ts';
import {
  AUDIT_POLICY,
  apiServerArguments,
  type ComponentPlace,
  type ControlPlanePorts,
  controllerManagerArguments,
  etcdArguments,
} from './component-arguments.ts';
import { isReady } from './is-ready.ts';
import { type KubeconfigUser, kubeconfigText } from './kubeconfig-text.ts';
import { KubernetesProcess, type ProcessPlace } from './kubernetes-process.ts';
import { readField } from './object-reader.ts';
import { type ProgramResult, runProgram } from './run-program.ts';

/** For beforeAll: a start takes 5 s on two idle cores, but four test files may start at once on busy ones. */
export const CONTROL_PLANE_TIMEOUT_MS = 180_000;

export interface ControlPlaneOptions {
  /** Keeps everything; by default a new one in the system's temporary folder. Removed by stop(). */
  readonly folder?: string;
  /** Default true. Without: no garbage collection, no default ServiceAccounts, and pods are admitted without one. */
  readonly withControllers?: boolean;
  /** Default false. One more controller, which says what is wrong with the expressions of admission policies. */
  readonly withTypeChecks?: boolean;
  /** Where given, the API server writes a line for each request there, without bodies. */
  readonly auditLog?: string;
  /** Goes on when this process ends. */
  readonly outlivesParent?: boolean;
}

export interface KubectlOptions {
  readonly stdin?: string;
  /** Default: the administrator's. */
  readonly kubeconfig?: string;
}

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
const DAY_SECONDS = 86_400;
const ATTEMPTS = 3;
const BUILD = fileURLToPath(new URL('../../../hack/kubernetes-build.sh', import.meta.url));
const CRDS = fileURLToPath(new URL('../../../crds', import.meta.url));
const GENERATED = fileURLToPath(new URL('../../../charts/sallyport/generated', import.meta.url));
const ROLES = join(GENERATED, 'rbac.yaml');
const COLLECTOR_ROLES = join(GENERATED, 'collector.yaml');
/** What every installation has besides the CRDs. */
const INSTALLATION = [
  ROLES,
  join(GENERATED, 'owner-rbac.yaml'),
  join(GENERATED, 'admission.yaml'),
  join(GENERATED, 'canary.yaml'),
];

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await kubernetesBinaries();
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'sallyport-kubernetes-')));
  const processPlace = { binaries, folder, outlivesParent: options.outlivesParent ?? false };
  for (let attempt = 1; ; attempt += 1) {
    const place = {
      folder,
      ports: await controlPlanePorts(),
      withControllers: options.withControllers ?? true,
      withTypeChecks: options.withTypeChecks ?? false,
      auditLog: options.auditLog,
    };
    const controlPlane = new ControlPlane(processPlace, place, await createClientAuthority());
    try {
      await controlPlane.start();
      return controlPlane;
    } catch (failure) {
      await controlPlane.stop();
      const portTaken = String(failure).includes('address already in use');
      if (!portTaken || attempt === ATTEMPTS) throw failure;
    }
  }
}

async function controlPlanePorts(): Promise<ControlPlanePorts> {
  const [etcd = 0, etcdPeer = 0, apiServer = 0] = await freePorts(3);
  return { etcd, etcdPeer, apiServer };
}

/** The folder of the programs, which are built where they are missing; that takes minutes. */
async function kubernetesBinaries(): Promise<string> {
  const { code, stdout, stderr } = await runProgram('bash', [BUILD]);
  if (code !== 0) throw new Error(`Cannot start a control plane: ${stderr.trim()}`);
  return stdout.trim();
}

/** Applies crds/ and waits until the API server serves all of them. */
export function installCrds(controlPlane: ControlPlane): Promise<void> {
  return asAdministrator(controlPlane, (api) => applyCrds(api, CRDS));
}

/** Applies our programs' roles, with the Namespace in which their ServiceAccounts are. */
export function installRoles(controlPlane: ControlPlane): Promise<void> {
  return asAdministrator(controlPlane, (api) => applyFiles(api, [ROLES]));
}

/** The same for the collector, behind the others. */
export function installCollectorRoles(controlPlane: ControlPlane): Promise<void> {
  return asAdministrator(controlPlane, (api) => applyFiles(api, [COLLECTOR_ROLES]));
}

/** Applies the roles, the admission policies and the Namespace of canary pods; the CRDs are there. */
export function installRolesAndPolicies(controlPlane: ControlPlane): Promise<void> {
  return asAdministrator(controlPlane, (api) => applyFiles(api, INSTALLATION));
}

async function asAdministrator<T>(
  { adminKubeconfig }: ControlPlane,
  act: (api: KubernetesApi) => Promise<T>,
): Promise<T> {
  const api = await connectKubernetes({ kubeconfig: adminKubeconfig });
  return act(api).finally(() => api.close());
}

export class ControlPlane {
  /** "https://127.0.0.1:40123"; the same after stopApiServer() and startApiServer(). */
  readonly server: string;
  /** Path of the kubeconfig of a member of system:masters. */
  readonly adminKubeconfig: string;
  readonly folder: string;
  readonly #processPlace: ProcessPlace;
  readonly #place: ComponentPlace;
  readonly #authority: ClientAuthority;
  #apiServer: KubernetesProcess | undefined;
  #others: KubernetesProcess[] = [];
  #kubeconfigs = 0;

  constructor(processPlace: ProcessPlace, place: ComponentPlace, authority: ClientAuthority) {
    this.folder = place.folder;
    this.#processPlace = processPlace;
    this.#place = place;
    this.#authority = authority;
    this.server = `https://127.0.0.1:${place.ports.apiServer}`;
    this.adminKubeconfig = join(place.folder, 'kubeconfig');
  }

  async start(): Promise<void> {
    await this.#writeFiles();
    this.#others.push(await KubernetesProcess.start('etcd', etcdArguments(this.#place), this.#processPlace));
    await this.startApiServer();
    if (!this.#place.withControllers) return;
    const args = controllerManagerArguments(this.#place);
    this.#others.push(await KubernetesProcess.start('kube-controller-manager', args, this.#processPlace));
    const api = await connectKubernetes({ kubeconfig: this.adminKubeconfig });
    const account = ['serviceaccount', 'default', '-n', 'default'];
    await this.#waitFor(
      'the default ServiceAccount',
      async () => (await readField(api, '{.metadata.name}', account)) === 'default',
    ).finally(() => api.close());
  }

  async #writeFiles(): Promise<void> {
    const { folder } = this.#place;
    await mkdir(folder, { recursive: true });
    const { certificate, key } = await this.#authority.signServer();
    const serviceAccounts = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const write = (name: string, content: string): Promise<void> =>
      writeFile(join(folder, name), content, { mode: 0o600 });
    await write('ca.crt', this.#authority.caCertificate);
    await write('server.crt', certificate);
    await write('server.key', key);
    await write('audit-policy.yaml', AUDIT_POLICY);
    await write('service-accounts.key', serviceAccounts.export({ type: 'sec1', format: 'pem' }).toString());
    await this.#writeKubeconfig('kubeconfig', { user: 'admin', groups: ['system:masters'] });
    await this.#writeKubeconfig('controllers.kubeconfig', { user: 'system:kube-controller-manager' });
  }

  /** Returns once it is ready. For tests of faults; startControlPlane() has started it already. */
  async startApiServer(): Promise<void> {
    const args = apiServerArguments(this.#place);
    this.#apiServer = await KubernetesProcess.start('kube-apiserver', args, this.#processPlace);
    await this.#waitFor('the API server', () => isReady(this.server, this.#authority.caCertificate));
  }

  /** Kills it; what it stored stays. */
  async stopApiServer(): Promise<void> {
    await this.#apiServer?.kill();
  }

  /** Kills everything and removes the folder. */
  async stop(): Promise<void> {
    await Promise.all([this.#apiServer, ...this.#others].map((running) => running?.kill()));
    await rm(this.#place.folder, { recursive: true, force: true });
  }

  /** Never throws for a code other than 0: check the code, or use what stderr says. */
  async kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<ProgramResult> {
    const { kubeconfig = this.adminKubeconfig, stdin } = options;
    const kubectl = join(this.#processPlace.binaries, 'kubectl');
    const cache = join(this.#place.folder, 'kubectl-cache');
    const program = ['--kubeconfig', kubeconfig, '--cache-dir', cache, ...args];
    // It ends before it could need its memory again.
    return runProgram(kubectl, program, stdin, { GOGC: 'off' });
  }

  /** Runs it by bash, as the administrator, with kubectl in the PATH. Never throws for a code other than 0. */
  async shell(script: string): Promise<ProgramResult> {
    const { PATH = '' } = process.env;
    return runProgram('bash', ['-c', script], '', {
      PATH: `${this.#processPlace.binaries}:${PATH}`,
      KUBECONFIG: this.adminKubeconfig,
      KUBECACHEDIR: join(this.#place.folder, 'kubectl-cache'),
    });
  }

  /** Path of a kubeconfig for a user with these groups, by client certificate; without rights until RBAC gives some. */
  async kubeconfigFor(user: KubernetesUser): Promise<string> {
    this.#kubeconfigs += 1;
    return this.#writeKubeconfig(`user-${this.#kubeconfigs}.kubeconfig`, user);
  }

  /** Path of a kubeconfig with a token of this ServiceAccount, bound to the pod where one is named. Both must exist. */
  async serviceAccountKubeconfig(namespace: string, name: string, pod?: string): Promise<string> {
    const boundObjectRef = pod === undefined ? undefined : { apiVersion: 'v1', kind: 'Pod', name: pod };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const body = { spec: { expirationSeconds: DAY_SECONDS, boundObjectRef } };
    const answer = await asAdministrator(this, (api) => api.request({ method: 'POST', path, body })).catch(
      (cause: unknown) => {
        throw new Error(`Cannot get a token of ServiceAccount "${namespace}/${name}"`, { cause });
      },
    );
    const { token } = (answer as { readonly status: { readonly token: string } }).status;
    this.#kubeconfigs += 1;
    return this.#saveKubeconfig(`user-${this.#kubeconfigs}.kubeconfig`, { token });
  }

  async #writeKubeconfig(file: string, user: KubernetesUser): Promise<string> {
    return this.#saveKubeconfig(file, await this.#authority.signUser(user));
  }

  async #saveKubeconfig(file: string, user: KubeconfigUser): Promise<string> {
    const path = join(this.#place.folder, file);
    const text = kubeconfigText(this.server, this.#authority.caCertificate, user);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  async #waitFor(what: string, holds: () => Promise<boolean>): Promise<void> {
    const running = [this.#apiServer, ...this.#others].filter((process) => process !== undefined);
    const deadlineMs = Date.now() + READY_TIMEOUT_MS;
    while (!(await holds())) {
      const ended = running.find(({ hasExited }) => hasExited);
      if (ended !== undefined) throw new Error(`${ended.name} has ended: ${await ended.lastWords()}`);
      if (Date.now() > deadlineMs) throw new Error(`Waited ${READY_TIMEOUT_MS} ms in vain for ${what}`);
      await sleep(POLL_MS);
    }
  }
}
