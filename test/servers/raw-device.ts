import { connect, type Socket } from 'node:net';
import { until } from '../providers/xmpp/until.ts';
import { HOST } from './server.ts';

const HELLO = `<stream:stream xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams" to="${HOST}" version="1.0">`;

/** A client that says what it likes, and takes what it gets for it: no library stands between. */
export class RawDevice {
  /** Everything that the server has said since the login. */
  text = '';
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => (this.text += chunk.toString()));
  }

  static async logIn(port: number, username: string, resource: string): Promise<RawDevice> {
    const device = new RawDevice(connect(port, '127.0.0.1'));
    const plain = Buffer.from(`\0${username}\0password`).toString('base64');
    await device.ask(HELLO, '</stream:features>');
    await device.ask(`<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">${plain}</auth>`, '<success');
    await device.ask(HELLO, '</stream:features>');
    const bind = `<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>${resource}</resource></bind>`;
    await device.ask(`<iq type="set" id="bind">${bind}</iq>`, '</iq>');
    return device;
  }

  /** Says something and waits for what the server says then. */
  async ask(text: string, answer: string | RegExp): Promise<string> {
    this.text = '';
    this.#socket.write(text);
    await until(() => this.text.match(answer) !== null, `${answer}`);
    return this.text;
  }

  close(): void {
    this.#socket.destroy();
  }
}
