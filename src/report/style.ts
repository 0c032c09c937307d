/** Colours by meaning. Without colour every function returns its text as it is. */
export interface Style {
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
  /** True when the lines go to a terminal: tables are drawn; elsewhere they are tab-separated. */
  readonly isTerminal: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

const asIs = (text: string) => text;

/** No colour, no terminal: pipes and tests. */
export const plainStyle: Style = {
  good: asIs,
  warning: asIs,
  bad: asIs,
  strong: asIs,
  faint: asIs,
  isTerminal: false,
  width: 80,
};

export interface StyleOptions {
  readonly stream: { readonly isTTY?: boolean; readonly columns?: number };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `--no-color`. */
  readonly noColor: boolean;
}

/** The style for one stream. chalk is loaded only when there is colour to give. */
export async function createStyle(options: StyleOptions): Promise<Style> {
  const isTerminal = options.stream.isTTY === true;
  const base: Style = { ...plainStyle, isTerminal, width: options.stream.columns ?? plainStyle.width };
  if (!wantsColor(options, isTerminal)) return base;
  const { Chalk } = await import("chalk");
  // The level is ours to say: chalk 5 does not look at NO_COLOR.
  const chalk = new Chalk({ level: 1 });
  return { ...base, good: chalk.green, warning: chalk.yellow, bad: chalk.red, strong: chalk.bold, faint: chalk.dim };
}

/** NO_COLOR and --no-color first (https://no-color.org), then FORCE_COLOR and CLICOLOR_FORCE, then the terminal. */
function wantsColor({ environment, noColor }: StyleOptions, isTerminal: boolean): boolean {
  if (noColor || environment["NO_COLOR"]) return false;
  for (const name of ["FORCE_COLOR", "CLICOLOR_FORCE"]) {
    const forced = environment[name];
    if (forced !== undefined) return forced !== "0" && forced !== "false";
  }
  return isTerminal && environment["TERM"] !== "dumb";
}
