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
