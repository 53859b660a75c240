// Runs a long computation with pauses, and yields to the event loop at each.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

export async function inSteps<Result>(steps: Generator<void, Result>): Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await yieldToEventLoop();
  }
}
