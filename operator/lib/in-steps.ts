// A long computation that pauses on its way -> its result, with a turn for everybody else at each pause.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

export async function inSteps<Result>(steps: Generator<void, Result>): Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await yieldToEventLoop();
  }
}
