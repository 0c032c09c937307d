import type { Queryable } from "./pool.js";

/** Sets settings of the session. */
export async function setSettings(
  queryable: Queryable,
  names: readonly string[],
  values: readonly string[],
): Promise<void> {
  await queryable.query(
    "SELECT pg_catalog.set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS setting (name, value)",
    [names, values],
  );
}

/**
 * Runs `work`, which may change these settings, and gives them their old values back. That this fails is an error of its
 * own only where `work` succeeded: whoever uses the session next would go by settings that are not his.
 */
export async function keepSettings<T>(
  queryable: Queryable,
  before: { readonly names: readonly string[]; readonly values: readonly string[] },
  work: () => Promise<T>,
): Promise<T> {
  const restore = () => setSettings(queryable, before.names, before.values);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // Inside a transaction its rollback takes them back, and this one is refused: the failure is what counts.
    await restore().catch(() => {});
    throw error;
  }
  await restore();
  return result;
}
