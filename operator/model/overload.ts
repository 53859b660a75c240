// What Envoy does about its memory, in the order in which it comes to it: first what nobody notices. The last two
// refuse what is new, with a row, so that what is open goes on.

export interface OverloadAction {
  /** As Envoy calls it. */
  readonly name: string;
  /** Of its memory. */
  readonly percent: number;
  /** "Envoy ..." */
  readonly does: string;
  /** "Envoy ...", when there is room again. */
  readonly doesAgain: string;
}

export const OVERLOAD_ACTIONS: readonly OverloadAction[] = [
  {
    name: 'shrink_heap',
    percent: 85,
    does: 'gives back to the system what it does not use',
    doesAgain: 'no longer gives back each free page',
  },
  {
    name: 'disable_http_keepalive',
    percent: 92,
    does: 'closes connections of plain HTTP after each answer',
    doesAgain: 'keeps connections of plain HTTP open again',
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
