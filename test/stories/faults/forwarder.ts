import { connect, createServer, type Server, type Socket } from 'node:net';

/** Forwards TCP connections to another port of this machine, until it is told to stand still. */
export class Forwarder {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** First bytes of each connection as the client sent them. */
  readonly firsts: Buffer[] = [];
  /** Connections that begin now are neither forwarded nor answered. */
  deaf = false;

  private constructor(target: () => number) {
    this.#server = createServer((near) => {
      near.on('error', () => {});
      near.once('data', (chunk) => this.firsts.push(chunk));
      if (this.deaf) {
        near.pause();
        this.#pairs.add([near, near]);
        return;
      }
      const far = connect({ host: '127.0.0.1', port: target() });
      far.on('error', () => near.destroy());
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
      near.pipe(far).pipe(near);
      this.#pairs.add([near, far]);
    });
  }

  static async start(target: () => number): Promise<Forwarder> {
    const forwarder = new Forwarder(target);
    await new Promise<void>((resolve) => forwarder.#server.listen(0, '127.0.0.1', resolve));
    return forwarder;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Connections that are open now pass nothing on any more, in either direction, and nobody is told. */
  freeze(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far);
      far.unpipe(near);
      near.pause();
      far.pause();
    }
  }

  /** Connections that are open now are gone. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#pairs.clear();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
