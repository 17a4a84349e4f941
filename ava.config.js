const config = {
  files: ['test/**/*.test.ts'],
  extensions: ['ts'],
  timeout: '60s',
  workerThreads: false,
  // One more than two cores: what waits for time to pass leaves room for another.
  concurrency: 3,
  // From the last path to the first: whole stories take longest, and begin before the short ones that fill the end.
  sortTestFiles: (a, b) => (a < b ? 1 : -1),
};

// biome-ignore lint/style/noDefaultExport: ava asks for it
export default config;
