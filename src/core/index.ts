export type { Attachment, Outlet } from './attachment.ts';
export { Core, type CoreOptions } from './core.ts';
export type * from './message.ts';
export { bareReply, type RetryRules } from './outcomes.ts';
export * from './ports.ts';
export type { SessionRules } from './post.ts';
export { Router } from './router.ts';
export { Sessions } from './sessions.ts';
export * from './telemetry.ts';
