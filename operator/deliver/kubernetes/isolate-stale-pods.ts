// Gives running pods the stricter lane of their policy, at the deadline of its staleWorkloads, with an Event that says what
// to do. Their proxy variables and name servers stay those of their former lane, which the network no longer lets them
// reach: so in a restricted lane they reach nothing outside until they restart. Admission denies every other lane for a
// running pod.
import { PODS } from '../../model/cluster-resources.ts';
import type { DuePod } from '../../model/due-pod.ts';
import { isIsolated } from '../../model/lane.ts';
import { mostOpen, moveAnnotations } from '../../model/moved-pod.ts';
import { ISOLATED_BY_ANNOTATION, ISOLATED_BY_DEADLINE, LANE_LABEL } from '../../model/stamp.ts';
import { howToRestart } from './how-to-restart.ts';
import { inParallel } from './in-parallel.ts';
import { labelPod, type PodWriting } from './label-pod.ts';
import type { WriteFailures } from './object-writer.ts';
import { podEvent, type Recorder } from './pod-event.ts';

export async function isolateStalePods(
  pods: readonly DuePod[],
  writing: PodWriting,
  { recorder, onIsolated }: { readonly recorder: Recorder; readonly onIsolated: (due: DuePod) => void },
): Promise<WriteFailures> {
  const objects = pods.map((due) => ({ kind: PODS.kind, metadata: due.pod, due }));
  return inParallel(objects, async ({ due }) => {
    const { pod, policyLane } = due;
    // It may have been moved before, so that the network has not followed yet.
    const from = mostOpen([pod.lane, pod.moved?.from ?? pod.lane]) ?? 'full';
    const annotations = {
      ...moveAnnotations(from, writing.nowMs()),
      [ISOLATED_BY_ANNOTATION]: ISOLATED_BY_DEADLINE,
    };
    await labelPod(pod, { labels: { [LANE_LABEL]: policyLane }, annotations }, writing);
    onIsolated(due);
    await recorder.record(
      podEvent(pod, {
        type: 'Warning',
        reason: 'StalePodIsolated',
        action: 'Isolate',
        note: `It ran on in lane "${pod.lane}" after its policy gave lane "${policyLane}", until the deadline that spec.staleWorkloads of the policy sets. It is in that lane now, without the settings for it${isIsolated(policyLane) ? ', and reaches nothing outside' : ''}. ${howToRestart(due)}`,
      }),
    );
  });
}
