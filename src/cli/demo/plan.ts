import type { OutgoingMessage } from '../../client/index.ts';

/** The two backends of the demo. */
export const BACKENDS = ['shop', 'chat'] as const;
export const SECRET = 'demo';

/** The session of a backend. */
export const sessionOf = (backend: string): string => `com.example.${backend}`;

/** What a message of the demo is made to go through. */
export type Kind = 'plain' | 'grouped' | 'receipt' | 'retried' | 'BAD_REGISTRATION' | 'DEVICE_UNREGISTERED';

export interface Planned {
  readonly kind: Kind;
  readonly message: OutgoingMessage & { readonly messageId: string };
}

/** Groups of the grouped messages, and how often they occur: their messages go out one at a time. */
const GROUPS = 20;

/** Of every twenty messages, what the first few are; the others are plain. */
const PATTERN: readonly Kind[] = [
  'BAD_REGISTRATION',
  'DEVICE_UNREGISTERED',
  'retried',
  'receipt',
  'receipt',
  'grouped',
  'grouped',
  'grouped',
];

/** The messages of one backend: the emulator reads from the token what shall become of each. */
export function planMessages(backend: string, count: number): Planned[] {
  return Array.from({ length: count }, (_, n) => {
    const kind = PATTERN[n % 20] ?? 'plain';
    return {
      kind,
      message: {
        messageId: `${backend}-${n}`,
        ...(kind === 'grouped' && { groupId: `group-${n % GROUPS}-${Math.floor(n / 20) % GROUPS}` }),
        fcmData: {
          to: tokenOf(kind, n),
          data: { text: `message ${n} of ${backend}` },
          ...(kind === 'receipt' && { delivery_receipt_requested: true }),
        },
      },
    };
  });
}

function tokenOf(kind: Kind, n: number): string {
  if (kind === 'BAD_REGISTRATION' || kind === 'DEVICE_UNREGISTERED') return `${kind}:device-${n}`;
  // Refused once for the moment, then taken: the bridge tries again by itself.
  return kind === 'retried' ? 'SERVICE_UNAVAILABLE:1' : `device-${n}`;
}
