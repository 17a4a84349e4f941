import type { App } from '../../../app.ts';

/** The services that the demo can put behind the bridge. */
export const serviceNames = ['ccs', 'fcm', 'apns'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What happens on the way, when so much of the messages is settled. */
export interface Event {
  /** From 0 to 1. */
  readonly at: number;
  readonly what: string;
  run(): void;
}

/** What the service saw. */
export interface Books {
  /** Different messages that came. */
  readonly different: number;
  /** Answers “not now”. */
  readonly unavailable: number;
  /** Messages that came more than once. */
  readonly repeated: number;
  /** What became of connections, as a row of the report. */
  readonly connections: readonly [name: string, value: string];
  /** What a client must not do, and how often it did. */
  readonly breaches: readonly (readonly [what: string, count: number])[];
}

/** What devices say to a backend. */
export interface Devices {
  /** So many upstream messages, with ids that begin with the backend's name. */
  speak(backend: string, count: number): void;
}

/** An emulated service, as the demo needs it. */
export interface Service {
  /** For people. */
  readonly title: string;
  readonly port: number;
  /** Where its control listens. */
  readonly controlPort: number;
  /** The sections of the bridge's configuration that reach it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What goes wrong on the way. */
  readonly events: readonly Event[];
  /** The devices behind it, once the bridge runs. */
  devices(app: App): Devices;
  books(): Books;
  stop(): Promise<void>;
}
