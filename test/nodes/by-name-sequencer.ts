// The files of the end-to-end suite in the order of their names: the last ones take away what the others need.
import imported from '@jest/test-sequencer';

// As in test/heavy-first-sequencer.ts.
const Sequencer = imported as unknown as typeof imported.default;

export default class ByNameSequencer extends Sequencer {
  override sort(tests: Parameters<InstanceType<typeof Sequencer>['sort']>[0]) {
    return [...tests].sort((one, other) => (one.path < other.path ? -1 : 1));
  }
}
