/** The headers can not be read, and none after them. The connection is over. [RFC 9113 §4.3] */
export class CompressionError extends Error {
  override readonly name = 'CompressionError';
}
