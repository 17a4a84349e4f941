export { type BackendDeps, BackendProvider } from './provider.ts';
