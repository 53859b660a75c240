// A gateway that is about to deny much: its log is rotated at least three times in a flood of the given length.
import { join } from 'node:path';
import type { OutsideServers } from '../outside/outside-servers.ts';
import { BenchFolder, destinationNames } from './bench-folder.ts';
import { SallyportProcess } from './sallyport-process.ts';

const DESTINATIONS = 100;
const FILES_PER_FLOOD = 6;
/** Of a denied request in Envoy's log, about. */
const LINE_BYTES = 430;
/** The least that sallyport accepts. */
const LEAST_BYTES = 65_536;

export interface FloodedOptions {
  /** All of its files are here. */
  readonly directory: string;
  readonly outside: OutsideServers;
  readonly denials: number;
}

export async function startFlooded({
  directory,
  outside,
  denials,
}: FloodedOptions): Promise<SallyportProcess> {
  const folder = new BenchFolder(join(directory, 'folder'));
  await folder.create(destinationNames(DESTINATIONS));
  const rotateBytes = Math.max(LEAST_BYTES, Math.round((denials * LINE_BYTES) / FILES_PER_FLOOD));
  const sallyport = new SallyportProcess({
    folder: folder.path,
    state: join(directory, 'state'),
    outside,
    // Each name of a flood is searched in the log.
    furtherOptions: ['--rotate-log-bytes', String(rotateBytes), '--denial-rows', '1000000'],
  });
  await sallyport.start();
  return sallyport;
}
