// What the operator compiled, read with the rights of a person.
import type { ClusterResource } from '../../model/cluster-resources.ts';
import type { CompiledObject, ParsedCompiled } from '../../model/parse-compiled.ts';
import { type PersonApi, readAll, readOne } from './person-access.ts';

export interface CompiledKind<Kind> {
  readonly resource: ClusterResource;
  /** Of Sallyport itself. */
  readonly namespace: string;
  readonly parse: (raw: CompiledObject) => ParsedCompiled<Kind>;
}

/** Undefined where it is not there. Throws where it cannot be read. */
export async function readCompiled<Kind>(
  api: PersonApi,
  { resource, namespace, parse }: CompiledKind<Kind>,
  name: string,
): Promise<Kind | undefined> {
  const raw = await readOne(api, resource, { namespace, name });
  return raw === undefined ? undefined : parsed(raw, parse);
}

/** Throws where one of them cannot be read. */
export async function readAllCompiled<Kind>(
  api: PersonApi,
  { resource, namespace, parse }: CompiledKind<Kind>,
): Promise<readonly Kind[]> {
  return (await readAll(api, resource, { namespace })).map((raw) => parsed(raw, parse));
}

function parsed<Kind>(raw: unknown, parse: CompiledKind<Kind>['parse']): Kind {
  const answer = parse(raw as CompiledObject);
  if ('object' in answer) return answer.object;
  throw new Error(`${answer.fault}; use the plugin of the version that is installed`);
}
