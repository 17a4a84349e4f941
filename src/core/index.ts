export type * from './message.ts';
export * from './ports.ts';
export * from './telemetry.ts';
