// `sallyport explain FOLDER DESTINATION --workspace W [--product P]` on a terminal.
// Exit status: 0 where the connection would pass, 1 where it would be denied, 2 where the question cannot be answered.
import { resolve } from 'node:path';
import { explain, formatExplanation, parseDestination } from '../../compile/explain.ts';
import type { Product } from '../../model/product.ts';
import { readFolder } from '../../sources/folder.ts';

export interface ExplainOptions {
  readonly workspace: string;
  readonly product: Product;
}

const ALLOWED = 0;
const DENIED = 1;
const UNANSWERED = 2;

export async function explainCommand(folder: string, text: string, options: ExplainOptions): Promise<number> {
  const destination = parseDestination(text);
  if (destination === undefined) {
    process.stderr.write(
      `Cannot read destination "${text}": write a host such as "example.com", "example.com:8443" or "http://example.com"\n`,
    );
    return UNANSWERED;
  }
  try {
    const path = resolve(folder);
    const request = { folder: path, destination, ...options, atMs: Date.now() };
    const explanation = explain(await readFolder(path), request);
    const isAnswer = 'allowed' in explanation;
    (isAnswer ? process.stdout : process.stderr).write(formatExplanation(explanation));
    if (!isAnswer) return UNANSWERED;
    return explanation.allowed ? ALLOWED : DENIED;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return UNANSWERED;
  }
}
