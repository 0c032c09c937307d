import type { Severity } from "../core/catalogue.js";

/** What a SARIF log needs to know of a finding. Paths are relative to the root of the repository. */
interface SarifFinding {
  readonly rule: string;
  readonly severity: Severity;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly safer: string;
  readonly saferSql: string | null;
  /** Set when the source says why it is to be so. */
  readonly ignoredBecause: string | null;
}

interface SarifRule {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly why: readonly string[];
  readonly safer: string;
}

export interface SarifContent {
  readonly version: string;
  readonly rules: readonly SarifRule[];
  readonly findings: readonly SarifFinding[];
  /** Places that could not be looked at. */
  readonly unanalysed: readonly { readonly path: string; readonly line: number; readonly why: string }[];
}

/** A log in SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/): what code scanning services read. */
export function sarifLog({ version, rules, findings, unanalysed }: SarifContent): object {
  const indexes = new Map(rules.map(({ id }, index) => [id, index]));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "roomctl", semanticVersion: version, rules: rules.map(ruleOf) } },
        columnKind: "unicodeCodePoints",
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: unanalysed.map(({ path, line, why }) => ({
              level: "note",
              message: { text: `Not looked at: ${why}` },
              locations: [locationOf(path, { startLine: line })],
            })),
          },
        ],
        results: findings.map((finding) => resultOf(finding, indexes.get(finding.rule))),
      },
    ],
  };
}

const levels = { error: "error", warning: "warning", info: "note" } as const satisfies Record<Severity, string>;

function ruleOf({ id, severity, title, why, safer }: SarifRule): object {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: why.join("\n\n") },
    help: { text: safer },
    helpUri: `docs/lint/${id}.md`,
    defaultConfiguration: { level: levels[severity] },
  };
}

function resultOf(finding: SarifFinding, ruleIndex: number | undefined): object {
  const { rule, severity, path, line, column, message, safer, saferSql, ignoredBecause } = finding;
  return {
    ruleId: rule,
    ruleIndex,
    level: levels[severity],
    message: { text: [`${message}.`, safer, ...(saferSql === null ? [] : [saferSql])].join("\n") },
    locations: [locationOf(path, { startLine: line, startColumn: column })],
    ...(ignoredBecause === null ? {} : { suppressions: [{ kind: "inSource", justification: ignoredBecause }] }),
  };
}

function locationOf(path: string, region: object): object {
  const uri = path.split(/[\\/]/).map(encodeURIComponent).join("/");
  return { physicalLocation: { artifactLocation: { uri }, region } };
}
