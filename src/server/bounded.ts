/** What the promise gives, or undefined when that takes longer. The promise's failure is passed on. */
export function bounded<T>(promise: Promise<T>, waitMs: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), waitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What the promise gives. Throws when that takes longer, or when it fails. */
export async function within<T>(promise: Promise<T>, waitMs: number): Promise<T> {
  const done = await bounded(
    promise.then((value) => ({ value })),
    waitMs,
  );
  if (done === undefined) throw new Error(`no answer within ${waitMs} ms`);
  return done.value;
}
