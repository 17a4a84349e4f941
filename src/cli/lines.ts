/** Longest line that is read, in characters: far more than a frame may hold. */
export const MAX_LINE = 1_048_576;

/** A line of a stream, numbered from 1, without its end; `text` is absent for one that is longer than {@link MAX_LINE}. */
export interface Line {
  readonly number: number;
  readonly text?: string;
}

/** The lines of a stream in UTF-8. Memory holds one of them, and of a line that is too long only its number. */
export async function* readLines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let number = 1;
  let rest = '';
  let tooLong = false;
  const line = (): Line => ({ number: number++, ...(!tooLong && { text: rest.replace(/\r$/, '') }) });
  for await (const chunk of stream) {
    const [first = '', ...others] = (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })).split(
      '\n',
    );
    const grow = (text: string): void => {
      if (tooLong || rest.length + text.length > MAX_LINE) [rest, tooLong] = ['', true];
      else rest += text;
    };
    grow(first);
    for (const next of others) {
      yield line();
      [rest, tooLong] = ['', false];
      grow(next);
    }
  }
  rest += decoder.decode();
  if (rest !== '' || tooLong) yield line();
}
