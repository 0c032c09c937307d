import type { Node } from "../db/parse.js";
import { nameFromParts, stringsIn } from "./names.js";
import type { LintContext } from "./rule.js";
import { nodesOf } from "./tree.js";

/** A call in an expression that may give another value for each row. */
export interface VolatileCall {
  /** `gen_random_uuid()` */
  readonly call: string;
  /** False when nothing is known of the function: only the server can tell. */
  readonly isCertain: boolean;
}

/** The call that makes PostgreSQL compute a default row by row; undefined where it computes it once. */
export function volatileCallIn(expression: Node | undefined, context: LintContext): VolatileCall | undefined {
  const calls = nodesOf(expression, "FuncCall").map(({ funcname }) => {
    const parts = stringsIn(funcname);
    const name = parts.at(-1) ?? "";
    return { call: `${name}()`, volatility: volatilityOf(name, parts, context) };
  });
  const worst = calls.find((one) => one.volatility === "volatile") ?? calls.find((one) => one.volatility === "unknown");
  return worst && { call: worst.call, isCertain: worst.volatility === "volatile" };
}

function volatilityOf(
  name: string,
  parts: readonly string[],
  context: LintContext,
): "volatile" | "unknown" | "computed once" {
  if (volatileFunctions.has(name)) return "volatile";
  // The grammar's own functions (EXTRACT, AT TIME ZONE) have this schema too.
  if (parts.length > 1 && parts[0] === "pg_catalog") return "computed once";
  const isOfTheApp = parts.length > 1 || context.model.has("function", context.model.resolve(nameFromParts(parts)));
  return isOfTheApp || !steadyFunctions.has(name) ? "unknown" : "computed once";
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** Of pg_proc in PostgreSQL 18 with provolatile = 'v', and of uuid-ossp and pgcrypto: what can stand in a default. */
const volatileFunctions = words(
  `array_sample array_shuffle clock_timestamp currval gen_random_uuid lastval nextval random random_normal set_config setval
  timeofday uuidv4 uuidv7 pg_sleep uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 gen_random_bytes gen_salt
  pg_current_logfile current_query pg_logical_emit_message txid_status`,
);

/** Of pg_proc with provolatile 'i' or 's': what people write in defaults. Others are taken as unknown. */
const steadyFunctions = words(
  `now transaction_timestamp statement_timestamp current_setting current_schema current_database inet_client_addr
  inet_client_port inet_server_addr pg_backend_pid pg_current_xact_id txid_current version to_timestamp to_date to_char
  to_number date_trunc date_part date_bin age make_date make_time make_timestamp make_timestamptz make_interval justify_days
  justify_hours justify_interval timezone date abs ceil ceiling floor round trunc power sqrt mod sign pi exp ln log degrees
  radians div greatest least lower upper initcap trim btrim ltrim rtrim lpad rpad length char_length octet_length left right
  substr substring replace translate repeat reverse concat concat_ws format md5 sha224 sha256 sha384 sha512 encode decode
  digest hmac quote_literal quote_ident split_part strpos position overlay regexp_replace regexp_match chr ascii to_hex
  string_to_array array_to_string array_append array_prepend array_cat array_fill array_length cardinality to_json to_jsonb
  json_build_object json_build_array jsonb_build_object jsonb_build_array json_object jsonb_object jsonb_set row_to_json
  array_to_json jsonb_strip_nulls int4range int8range numrange tsrange tstzrange daterange to_tsvector to_tsquery
  plainto_tsquery point box circle line lseg polygon path set_bit get_bit bit_length convert_to convert_from coalesce nullif
  uuid_nil uuid_ns_dns uuid_ns_url uuid_generate_v3 uuid_generate_v5 hashtext enum_first enum_last pg_client_encoding host
  text int4 int8 float8 numeric bool`,
);
