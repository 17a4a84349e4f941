import { createPrivateKey } from 'node:crypto';
import { Secret } from '../../lib/secret.ts';

/** Larger files are no service accounts, in bytes. */
const FILE_MAX_BYTES = 65_536;

/** Ids of projects, some of which belong to a domain: they stand in the path of every request. */
export const PROJECT_ID = /^[a-z0-9][a-z0-9:.-]{0,62}$/i;

/** Who asks for access tokens. [fcm.md §3.1] */
export interface ServiceAccount {
  readonly email: string;
  /** PKCS#8, PEM. */
  readonly key: Secret;
  readonly projectId: string | undefined;
  /** Where tokens are asked for, if the file says so. */
  readonly tokenUri: string | undefined;
}

/**
 * Reads the JSON of a service account.
 * @throws Error that says what is wrong with it, without anything secret
 */
export function parseServiceAccount(text: string): ServiceAccount {
  if (text.length > FILE_MAX_BYTES) throw new Error(`is larger than ${FILE_MAX_BYTES} bytes`);
  const file = objectOf(text);
  if (file.type !== 'service_account') {
    throw new Error(`is not the file of a service account: type must be "service_account"`);
  }
  const key = textOf(file, 'private_key');
  const tokenUri = file.token_uri === undefined ? undefined : textOf(file, 'token_uri');
  if (tokenUri !== undefined && URL.parse(tokenUri)?.protocol !== 'https:') {
    throw new Error('token_uri: must be an https URL');
  }
  const projectId = file.project_id === undefined ? undefined : textOf(file, 'project_id');
  if (projectId !== undefined && !PROJECT_ID.test(projectId)) throw new Error('project_id: is no id of a project');
  checkKey(key);
  return {
    email: textOf(file, 'client_email'),
    key: new Secret(key),
    projectId,
    tokenUri,
  };
}

/** Why `project` does not go with the account; undefined if it does. */
export function projectProblem({ projectId }: ServiceAccount, project: string | undefined): string | undefined {
  if (project === undefined) return projectId === undefined ? 'is required: the service account names none' : undefined;
  if (projectId === undefined || projectId === project) return undefined;
  return `is ${project}, but the service account is of ${projectId}`;
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('is not JSON'); // the parser's own words would quote the file
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('is not a JSON object');
  return { ...value };
}

function textOf(file: Readonly<Record<string, unknown>>, name: string): string {
  const value = file[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new Error(`${name}: ${value === undefined ? 'missing' : 'must be a text that is not empty'}`);
}

/** RS256 signs with RSA. [fcm.md §3.1] */
function checkKey(pem: string): void {
  let type: string | undefined;
  try {
    type = createPrivateKey(pem).asymmetricKeyType;
  } catch {
    throw new Error('private_key: is not a private key in PEM');
  }
  if (type !== 'rsa') throw new Error(`private_key: must be an RSA key, is ${type}`);
}
