export * from './push-headers.ts';
