/**
 * What a `GET` on an endpoint answers: applications ask before they believe that it is one. Newer specifications have no
 * such question; what is in use still asks it. [unifiedpush.md §2.1]
 */
export const ENDPOINT_DISCOVERY = { unifiedpush: { version: 1 } } as const;

/** What a `GET` on the push gateway for Matrix answers. [unifiedpush.md §2.5] */
export const MATRIX_DISCOVERY = { unifiedpush: { gateway: 'matrix' } } as const;

/** Where such a gateway is, below the origin of an endpoint. */
export const MATRIX_GATEWAY_PATH = '/_matrix/push/v1/notify';

/** The link from a push to its receipt. [RFC 8030 §5.1] */
export const RECEIPT_RELATION = 'urn:ietf:params:push:receipt';
