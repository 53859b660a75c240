// A network namespace that sees what an isolated pod sees: one address, behind which its lane's Service is, and nothing
// else; its name server is that address too. In: a command. Out: its output. Needs root and `ip`.
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Of the lane's Service, on this side of the wire. */
export const LANE_ADDRESS = '10.213.77.1';
const POD_ADDRESS = '10.213.77.2';
const NAME = 'sallyport-pod';
const [OUTSIDE, INSIDE] = ['sallyport-svc', 'sallyport-eth0'];
const RESOLV_CONF = `nameserver ${LANE_ADDRESS}
search team.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
`;
const TIMEOUT_MS = 60_000;

export interface Said {
  readonly exitCode: number;
  readonly output: string;
}

export class PodNetwork {
  /** Throws where the rights or the program are missing. */
  static async create(): Promise<PodNetwork> {
    const pod = new PodNetwork();
    await pod.remove();
    // `ip netns exec` puts what is in this folder in the place of /etc.
    await mkdir(`/etc/netns/${NAME}`, { recursive: true });
    await writeFile(`/etc/netns/${NAME}/resolv.conf`, RESOLV_CONF);
    await ip('netns', 'add', NAME);
    await ip('link', 'add', OUTSIDE, 'type', 'veth', 'peer', 'name', INSIDE, 'netns', NAME);
    await ip('address', 'add', `${LANE_ADDRESS}/30`, 'dev', OUTSIDE);
    await ip('link', 'set', OUTSIDE, 'up');
    await ip('-n', NAME, 'address', 'add', `${POD_ADDRESS}/30`, 'dev', INSIDE);
    await ip('-n', NAME, 'link', 'set', INSIDE, 'up');
    await ip('-n', NAME, 'link', 'set', 'lo', 'up');
    return pod;
  }

  /** Never throws: what a client does where it is denied is what is tested. */
  async exec(command: readonly string[], environment: NodeJS.ProcessEnv): Promise<Said> {
    const options = { env: environment, timeout: TIMEOUT_MS };
    try {
      const { stdout, stderr } = await run('ip', ['netns', 'exec', NAME, ...command], options);
      return { exitCode: 0, output: `${stdout}${stderr}` };
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { code: unknown; stdout?: string; stderr?: string };
      return { exitCode: typeof code === 'number' ? code : -1, output: `${stdout}${stderr}` };
    }
  }

  async remove(): Promise<void> {
    await ip('netns', 'delete', NAME).catch(() => undefined);
    await ip('link', 'delete', OUTSIDE).catch(() => undefined);
    await rm(`/etc/netns/${NAME}`, { recursive: true, force: true });
  }
}

async function ip(...words: readonly string[]): Promise<void> {
  await run('ip', words);
}
