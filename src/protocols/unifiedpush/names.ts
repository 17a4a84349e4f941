/** Namespaces of UnifiedPush over XMPP, and of what it stands on. */
export const UP_NS = {
  /** The old dialect, a bare word and no URI. [unifiedpush.md §1.1] */
  legacy: 'unifiedpush.org',
  /** The dialect of Conversations and its servers. [unifiedpush.md §3.1] */
  gultsch: 'http://gultsch.de/xmpp/drafts/unified-push',
  /** Ours: bytes that the text of an old-dialect push can not carry. */
  content: 'urn:pushbridge:content:0',
  /** Ours: the only key whose signatures an endpoint takes, beside what is asked to register. */
  vapid: 'urn:pushbridge:vapid:0',
  discoInfo: 'http://jabber.org/protocol/disco#info',
  discoItems: 'http://jabber.org/protocol/disco#items',
  receipts: 'urn:xmpp:receipts',
  carbons: 'urn:xmpp:carbons:2',
  hints: 'urn:xmpp:hints',
} as const;

/** `legacy`: pushes are messages that nobody answers. `gultsch`: pushes are questions that the client answers. */
export type Dialect = 'legacy' | 'gultsch';

/** From whom to whom, and under which id. All three are attributes of every stanza that is written here. */
export interface Address {
  readonly from: string;
  readonly to: string;
  /** Absent in the answer to a question that had none. */
  readonly id?: string;
}
