/** Conditions of RFC 6120 §4.9.3 that reading a stream can end in. */
export type ParseCondition =
  | 'bad-namespace-prefix'
  | 'invalid-namespace'
  | 'not-well-formed'
  | 'policy-violation'
  | 'restricted-xml'
  | 'unsupported-encoding';

/** Why a stream cannot be read any further. It is handed over as a value; nothing here throws it. */
export class XmlError extends Error {
  /** The stream error to answer with. */
  readonly condition: ParseCondition;

  constructor(condition: ParseCondition, message: string) {
    super(message);
    this.name = 'XmlError';
    this.condition = condition;
  }
}
