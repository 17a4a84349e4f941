/** Fuzzes the codecs in this process: each refuses with its own error, or reads what a second reader reads too. */
import { canonicalJson } from '../../src/lib/canonical-json.ts';
import {
  BalError,
  decodeBackendFrame,
  decodeBridgeFrame,
  detect,
  encodeBackendFrame,
  encodings,
} from '../../src/protocols/bal/index.ts';
import { answerJson, readServerMessage, receiptJson } from '../../src/protocols/ccs/index.ts';
import { StanzaParser, type XmlElement } from '../../src/protocols/xmpp/index.ts';
import { Malformed as MalformedProtobuf, readProtobufReference } from '../../test/protocols/bal/protobuf-reference.ts';
import { hasTwice, Malformed as MalformedQt, readQtReference } from '../../test/protocols/bal/qt-reference-reader.ts';
import { Chance } from './fuzz-chance.ts';
import { frameBody } from './fuzz-frames.ts';
import { stanza } from './fuzz-stanzas.ts';
import { FuzzFailure, Tally, type TrialOptions, type TrialResult } from './fuzz-trial.ts';
import { STREAM_OPEN } from './fuzz-xml.ts';

/** Cases between two breaths of the event loop. */
const BREATH = 2_000;

export async function fuzzCodecs(options: TrialOptions): Promise<TrialResult> {
  const tally = new Tally('codecs', options);
  while (!tally.done) {
    const chance = Chance.of(options.seed, tally.cases);
    const isFrame = tally.cases % 2 === 0;
    const bytes = isFrame ? body(chance) : stanza(chance, chance.odds(0.5) ? 'service' : 'app-server', ['w1']);
    try {
      if (isFrame) frame(bytes, tally);
      else xml(bytes, chance, tally);
    } catch (cause) {
      throw new FuzzFailure(`case ${tally.cases}: ${cause}`, bytes, { cause });
    }
    if (++tally.cases % BREATH === 0) await new Promise((resolve) => setImmediate(resolve));
    if (tally.cases % Math.ceil(options.cases / 4) === 0) options.onProgress?.(tally.cases);
  }
  return tally.result();
}

function body(chance: Chance): Buffer {
  const bytes = frameBody(chance, chance.pick(encodings));
  return chance.odds(0.5) && bytes.length > 0 ? chance.mutated(bytes) : bytes;
}

function frame(bytes: Buffer, tally: Tally): void {
  const encoding = detect(bytes);
  const refused = orRefusal(() => decodeBridgeFrame(bytes, encoding)) === 'refused';
  const read = orRefusal(() => decodeBackendFrame(bytes, encoding));
  const isMalformed = encoding === 'qt' ? isMalformedQt(bytes) : encoding === 'protobuf' && isMalformedProtobuf(bytes);
  if (isMalformed && (!refused || read !== 'refused')) throw new Error('a malformed frame is accepted');
  tally.refused(`${encoding} ${read === 'refused' ? 'INVALID_FRAME' : 'read'}`);
  if (read === 'refused' || read.message_type === 'UNKNOWN' || ('problem' in read && read.problem !== undefined))
    return;
  const again = decodeBackendFrame(encodeBackendFrame(read, encoding).subarray(4), encoding);
  // Qt sorts keys, and -0 is 0 in JSON text.
  if (canonicalJson(again) !== canonicalJson(read)) throw new Error('a frame changes when it is written and read');
}

function orRefusal<T>(decode: () => T): T | 'refused' {
  try {
    return decode();
  } catch (error) {
    if (error instanceof BalError && error.code === 'INVALID_FRAME') return 'refused';
    throw error;
  }
}

function isMalformedQt(bytes: Buffer): boolean {
  try {
    return hasTwice(readQtReference(bytes));
  } catch (error) {
    if (error instanceof MalformedQt) return true;
    throw error;
  }
}

function isMalformedProtobuf(bytes: Buffer): boolean {
  try {
    readProtobufReference(bytes);
    return false;
  } catch (error) {
    if (error instanceof MalformedProtobuf) return true;
    throw error;
  }
}

function xml(bytes: Buffer, chance: Chance, tally: Tally): void {
  const whole = parsed([bytes]);
  const cut = chance.int(bytes.length + 1);
  const parts = parsed([bytes.subarray(0, cut), bytes.subarray(cut)]);
  if (whole.end !== parts.end || whole.printed !== parts.printed) throw new Error('a cut changes what is read');
  tally.refused(whole.end ?? 'xml read');
  for (const element of whole.elements) {
    if (element.name !== 'message') continue;
    const read = readServerMessage(element);
    tally.refused(`ccs ${read.kind}`);
    if ('fields' in read) JSON.parse(answerJson(read.fields, 'own') && receiptJson(read.fields, 'own'));
  }
}

function parsed(pieces: readonly Buffer[]): { elements: XmlElement[]; printed: string; end: string | undefined } {
  const elements: XmlElement[] = [];
  let end: string | undefined;
  const parser = new StanzaParser({
    onStart() {},
    onElement: (element) => void elements.push(element),
    onEnd() {},
    onError: (error) => {
      end = error.condition;
    },
  });
  parser.write(STREAM_OPEN);
  for (const piece of pieces) parser.write(piece);
  return { elements, printed: elements.map((element) => element.toXml()).join(''), end };
}
