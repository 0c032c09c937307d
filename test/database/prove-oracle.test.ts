import { expect, test } from "vitest";
import { brief, prove } from "../support/prove.js";
import { eachChangeAlone, randomMigrations } from "../support/prove-changes.js";

/** Each proves eight migrations and the base twice; more of them with ROOMCTL_TEST_PROVE_SEEDS. */
const seeds = Array.from({ length: Number(process.env["ROOMCTL_TEST_PROVE_SEEDS"] ?? 2) }, (_, index) => index + 1);

test.each(seeds)(
  "quick looks find what a comparison of everything finds, for random migrations of seed %i",
  async (seed) => {
    const files = randomMigrations(seed, 8);
    const options = { prefixes: "all" } as const;
    const quick = await prove("postgres18", files, options);
    const thorough = await prove("postgres18", files, { ...options, looks: "none" });
    expect(quick.migrations.map(({ state }) => state)).not.toContain("not-reached");
    expect(quick.findings.map(brief)).toEqual(thorough.findings.map(brief));
    // Otherwise there would be nothing to miss.
    expect(thorough.findings.filter(({ kind }) => kind === "rerun-changes-schema").length).toBeGreaterThan(2);
  },
);

test("every change that a second run makes is found, and a second run that changes nothing is not", {}, async () => {
  const { findings, migrations } = await prove("postgres18", eachChangeAlone());
  const restlessOnes = findings.filter(({ kind }) => kind === "rerun-changes-schema").map(({ migration }) => migration);
  const names = migrations.map(({ name }) => name);
  expect([...new Set(restlessOnes)]).toEqual(names.filter((name) => name.endsWith("restless")));
  expect(migrations.map(({ state }) => state)).not.toContain("not-reached");
});
