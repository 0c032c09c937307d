import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";
import { referenceShapes } from "../../src/core/reference-shapes.js";

const source = fileURLToPath(new URL("../../src/", import.meta.url));
const features = ["migrate", "audit", "wipe", "backup", "catalog", "store", "recover", "sync"];
/** What judges migrations before they run or after: built on the folder that reads and runs them, and on no other. */
const judges = ["lint", "trace", "prove", "drift", "compat"];
/** What puts backups back: built on the folder that writes and reads them. */
const restorers = ["restore"];

/** Folder → folders that it may import. `report` takes only types from features. */
const allowed: Record<string, readonly string[]> = {
  ".": ["commands", "report", ...features, ...judges, ...restorers, "db", "core"],
  cli: ["commands", "report", "db", "core"],
  commands: [...features, ...judges, ...restorers, "server", "report", "db", "core"],
  report: ["core"],
  core: [],
  db: ["core"],
  server: ["store", "recover", "sync", "db", "core"],
  ...Object.fromEntries(features.map((feature) => [feature, ["db", "core"]])),
  ...Object.fromEntries(judges.map((judge) => [judge, ["migrate", "db", "core"]])),
  ...Object.fromEntries(restorers.map((restorer) => [restorer, ["backup", "db", "core"]])),
};

/** Driver packages and the one place that may import each. */
const drivers: Record<string, RegExp> = {
  pg: /^db\//,
  "pg-copy-streams": /^db\//,
  mongodb: /^sync\/mongo\.ts$/,
  "socket.io": /^server\/sockets\.ts$/,
  "libpg-query": /^db\/parse\.ts$|^lint\//,
};

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function folderOf(file: string): string {
  return file.includes("/") ? (file.split("/")[0] ?? "") : ".";
}

test("every import points down the layers", () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((path) => path.startsWith("."))
      .map((path) => folderOf(join(file, "..", path)))
      .filter((target) => target !== folderOf(file) && !allowed[folderOf(file)]?.includes(target))
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("source folders are one level deep and known", () => {
  expect(files.filter((file) => file.split("/").length > 2)).toEqual([]);
  expect(files.map(folderOf).filter((folder) => !(folder in allowed))).toEqual([]);
});

test("drivers are imported only where they belong", () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((path) => drivers[path] !== undefined && !drivers[path]?.test(file))
      .map((path) => `${file} imports ${path}`),
  );
  expect(wrong).toEqual([]);
});

test("features neither print nor read the process", () => {
  const inFeatures = files.filter(
    (file) => [...features, ...judges, ...restorers].includes(folderOf(file)) || folderOf(file) === "core",
  );
  const wrong = inFeatures.filter((file) =>
    /\bconsole\.|\bprocess\.(?!kill)/.test(readFileSync(join(source, file), "utf8")),
  );
  expect(wrong).toEqual([]);
});

test("only the default app's own files know the reference app's tables", () => {
  // Names of one common word (users, sessions …) may stand in a comment; those of two are nobody else's.
  const tables = Object.keys(referenceShapes).filter((name) => name.includes("_"));
  expect(tables.length).toBeGreaterThan(10);
  const names = new RegExp(`\\b(${tables.join("|")})\\b`);
  const code = files.filter((file) => !/^core\/reference-|^server\//.test(file)).map((file) => join(source, file));
  const folder = join(packageRoot, "sql");
  const statements = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".sql") && !/^(reference|server)\//.test(file))
    .map((file) => join(folder, file));
  expect([...code, ...statements].filter((file) => names.test(readFileSync(file, "utf8")))).toEqual([]);
});

test("what a scope with `await using` returns is awaited, or it would be closed before the work ends", () => {
  const wrong = files.flatMap((file) => {
    const lines = readFileSync(join(source, file), "utf8").split("\n");
    return lines.flatMap((line, index) => {
      const indent = /^( *)await using /.exec(line)?.[1];
      if (indent === undefined) return [];
      const rest = lines.slice(index + 1);
      const end = rest.findIndex((next) => next !== "" && !next.startsWith(indent));
      return rest
        .slice(0, end)
        .filter(
          (next) =>
            /^ *return (?!await\b|plan[A-Z]\w*\(files)[\w.]+(<[^>]*>)?\(/.test(next) &&
            !next.startsWith(`${indent}    `),
        )
        .map((next) => `${file}: ${next.trim()}`);
    });
  });
  expect(wrong).toEqual([]);
});

test("statements are ASCII: a server of another encoding could not read even a comment that is not", () => {
  const folder = join(packageRoot, "sql");
  const statements = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".sql"));
  const isAscii = (text: string) => [...text].every((character) => character <= "\x7f");
  expect(statements.filter((file) => !isAscii(readFileSync(join(folder, file), "utf8")))).toEqual([]);
});
