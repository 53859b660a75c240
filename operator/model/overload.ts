// Envoy's overload actions for memory, in the order of their thresholds: first those that nobody notices. The last two
// deny new requests and connections, with a row, so that open ones continue.
export interface OverloadAction {
  /** Envoy's name of the action. */
  readonly name: string;
  /** Of its memory. */
  readonly percent: number;
  /** "Envoy ..." */
  readonly does: string;
  /** "Envoy ...", when memory is free again. */
  readonly doesAgain: string;
}

export const OVERLOAD_ACTIONS: readonly OverloadAction[] = [
  {
    name: 'shrink_heap',
    percent: 85,
    does: 'releases unused memory to the system',
    doesAgain: 'no longer releases every free page',
  },
  {
    name: 'disable_http_keepalive',
    percent: 92,
    does: 'closes connections of plain HTTP after each answer',
    doesAgain: 'leaves connections of plain HTTP open again',
  },
  {
    name: 'stop_accepting_requests',
    percent: 95,
    does: 'stops accepting requests',
    doesAgain: 'accepts requests again',
  },
  {
    name: 'reject_incoming_connections',
    percent: 98,
    does: 'rejects incoming connections',
    doesAgain: 'accepts connections again',
  },
];
