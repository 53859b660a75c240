// Moves pods that have not started to a stricter lane than their stamp's, with an Event that says what to do. Their
// proxy variables and name servers can no longer be changed, so they reach nothing. Admission denies the move of one
// that started meanwhile.
import { PODS } from '../../model/cluster-resources.ts';
import type { Lane } from '../../model/lane.ts';
import { type Move, mostOpen, moveAnnotations } from '../../model/moved-pod.ts';
import { HELD_LANE, LANE_LABEL } from '../../model/stamp.ts';
import type { HeldPod } from './exempt-pods.ts';
import { inParallel } from './in-parallel.ts';
import { labelPod, type PodWriting } from './label-pod.ts';
import type { WriteFailures } from './object-writer.ts';
import { podEvent, type Recorder } from './pod-event.ts';

export interface PodToHold extends HeldPod {
  /** The lane that it has. */
  readonly from: string;
  readonly lane: Lane;
  readonly moved?: Move | undefined;
}

export async function holdPods(
  pods: readonly PodToHold[],
  writing: PodWriting,
  recorder: Recorder,
): Promise<WriteFailures> {
  const objects = pods.map((pod) => ({ kind: PODS.kind, metadata: pod, pod }));
  return inParallel(objects, async ({ pod }) => {
    // It may have been moved before, so that the network has not followed yet.
    const from = mostOpen([pod.from, pod.moved?.from ?? pod.from]) ?? 'full';
    const annotations = moveAnnotations(from, writing.nowMs());
    await labelPod(pod, { labels: { [LANE_LABEL]: pod.lane }, annotations }, writing);
    const note = `It had not started when lane "${pod.from}" was taken from it, and is in lane "${pod.lane}" now, for which it has no settings: ${whatToDo(pod)}`;
    await recorder.record(eventOf(pod, note));
  });
}

/** Of a pod that exemptPods() held. */
export async function recordHeldPod(pod: HeldPod, recorder: Recorder): Promise<void> {
  const note = `It had not started when its Namespace became a workspace, and is in lane "${HELD_LANE}", for which it has no settings: ${whatToDo(pod)}`;
  await recorder.record(eventOf(pod, note));
}

function whatToDo({ openings }: HeldPod): string {
  return openings.length === 0
    ? 'it reaches nothing outside; delete it, so that it is created again with the current settings'
    : `it goes past that lane, through its node, by ${openings.join(', ')}; delete it`;
}

function eventOf(pod: HeldPod, note: string) {
  return podEvent(pod, { type: 'Warning', reason: 'HeldBack', action: 'Isolate', note });
}
