import { expect, test } from "vitest";
import { brief, prove } from "../support/prove.js";
import { randomMigrations } from "../support/prove-changes.js";

/** Each proves nine migrations twice; 45 in all. */
const seeds = [1, 2, 3, 4, 5];

test.each(seeds)(
  "quick looks find what a comparison of everything finds, for random migrations of seed %i",
  {
    timeout: 240_000,
  },
  async (seed) => {
    const files = randomMigrations(seed, 9);
    const options = { prefixes: "all" } as const;
    const quick = await prove("postgres18", files, options);
    const thorough = await prove("postgres18", files, { ...options, looks: "none" });
    expect(quick.migrations.map(({ state }) => state)).not.toContain("not-reached");
    expect(quick.findings.map(brief)).toEqual(thorough.findings.map(brief));
    // Otherwise there would be nothing to miss.
    expect(thorough.findings.filter(({ kind }) => kind === "rerun-changes-schema").length).toBeGreaterThan(2);
  },
);
