import type { Http2Faults } from './options.ts';
import type { Answer } from './service.ts';

const page = (status: number, title: string, text: string) => ({
  status,
  headers: { 'content-type': 'text/html; charset=UTF-8' },
  body: `<!DOCTYPE html>\n<html lang=en>\n<title>${title}</title>\n<p><b>${status}.</b> ${text}\n</html>\n`,
});
const bare = (status: number) => ({ status, headers: {}, body: '' });

/** What stands between client and service answers without having understood anything. [fcm.md §3.3] */
const ANSWERS: Readonly<Record<Exclude<Http2Faults['instead'], 'nothing'>, Answer>> = {
  html_502: {
    reply: page(502, 'Error 502 (Server Error)', 'The server could not do this. Please try again in 30 seconds.'),
    code: 'html_502',
  },
  bare_401: { reply: bare(401), code: 'bare_401' },
  bare_403: { reply: bare(403), code: 'bare_403' },
  bare_404: { reply: bare(404), code: 'bare_404' },
};

/** The page of a path that nobody serves. */
export const notFoundPage = page(404, 'Error 404 (Not Found)', 'There is nothing at this address.');
/** The answer to a body beyond the limit. */
export const tooLarge = { reply: page(413, 'Error 413', 'The request is too large.'), code: 'too_large' };

/** The answer that every request gets instead of its own; undefined if nothing interferes. */
export function interference({ stall, instead }: Http2Faults): Answer | undefined {
  if (stall) return { reply: bare(200), fault: 'silent' };
  return instead === 'nothing' ? undefined : ANSWERS[instead];
}
