/** `${NAME}`, its escape `$${`, or something that begins like a reference and is none. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

export interface Expanded {
  readonly text: string;
  /** True if a variable was put in: the result is text whose type the schema decides. */
  readonly referred: boolean;
  /** What is wrong, in words that name the variable and never its value. */
  readonly wrong: readonly string[];
}

/** Puts environment variables in place of `${NAME}`; `$${` stands for a plain `${`. */
export function expand(text: string, env: Readonly<Record<string, string | undefined>>): Expanded {
  const wrong: string[] = [];
  let referred = false;
  const result = text.replace(REFERENCE, (match, name: string | undefined) => {
    if (match === '$${') return '${';
    if (name === undefined) {
      wrong.push(`"\${" begins no reference of the form \${NAME}; write $\${ for a plain one`);
      return match;
    }
    referred = true;
    const value = env[name];
    if (value === undefined) wrong.push(`the environment variable ${name} is not set`);
    return value ?? '';
  });
  return { text: result, referred, wrong };
}
