import type { ManifestDatabase } from "../backup/manifest.js";
import { RoomctlError } from "../core/errors.js";
import { quoteIdentifier, quoteLiteral } from "../db/identifier.js";

/**
 * The statement that makes a database as the backup's was: encoding, locale and its provider. From template0, which alone
 * lets these be chosen. Throws E_SCHEMA where this major version does not know the provider.
 */
export function createDatabaseStatement(name: string, database: ManifestDatabase, majorVersion: number): string {
  return `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ${localeWords(database, majorVersion)}`;
}

/** The options of CREATE DATABASE that decide how text is kept and compared. */
export function localeWords(database: ManifestDatabase, majorVersion: number): string {
  const { encoding, collate, ctype, localeProvider, locale } = database;
  const words = [
    `ENCODING ${quoteLiteral(encoding)}`,
    `LC_COLLATE ${quoteLiteral(collate)}`,
    `LC_CTYPE ${quoteLiteral(ctype)}`,
  ];
  const provider = { c: "libc", i: "icu", b: "builtin" }[localeProvider];
  const since = { libc: 0, icu: 15, builtin: 17 }[provider ?? "libc"] ?? 0;
  if (provider === undefined || majorVersion < since) {
    throw new RoomctlError(
      "E_SCHEMA",
      `PostgreSQL ${majorVersion} has no locale provider ${provider ?? localeProvider}`,
      {
        hint: `restore onto PostgreSQL ${since || 18} or newer, or into an empty database that you make: roomctl backup restore`,
      },
    );
  }
  if (majorVersion >= 15) words.push(`LOCALE_PROVIDER ${provider}`);
  if (provider !== "libc" && locale !== null) {
    words.push(`${provider === "icu" ? "ICU_LOCALE" : "BUILTIN_LOCALE"} ${quoteLiteral(locale)}`);
  }
  return words.join(" ");
}

/** The statements that give a database its settings, limit and comment back; the owner's comes last. */
export function propertyStatements(name: string, database: ManifestDatabase): readonly string[] {
  const quoted = quoteIdentifier(name);
  const { settings, connectionLimit, comment } = database;
  return [
    ...settings.map(({ role, name: setting, value }) => {
      const whose = role === null ? `DATABASE ${quoted}` : `ROLE ${quoteIdentifier(role)} IN DATABASE ${quoted}`;
      return `ALTER ${whose} SET ${quoteSetting(setting)} TO ${quoteValue(setting, value)}`;
    }),
    `ALTER DATABASE ${quoted} CONNECTION LIMIT ${connectionLimit}`,
    `COMMENT ON DATABASE ${quoted} IS ${comment === null ? "NULL" : quoteLiteral(comment)}`,
  ];
}

/** `myapp.level` is two names. */
function quoteSetting(name: string): string {
  return name.split(".").map(quoteIdentifier).join(".");
}

/** Settings whose stored text is a list, in which each name may be quoted: it must not become one long name. */
const lists = [
  "search_path",
  "temp_tablespaces",
  "local_preload_libraries",
  "session_preload_libraries",
  "shared_preload_libraries",
  "unix_socket_directories",
];

function quoteValue(name: string, value: string): string {
  if (!lists.includes(name.toLowerCase())) return quoteLiteral(value);
  const parts = value.match(/"(?:[^"]|"")*"|[^,\s][^,]*/g) ?? [];
  const names = parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.trim()));
  return names.length === 0 ? "''" : names.map(quoteLiteral).join(", ");
}
