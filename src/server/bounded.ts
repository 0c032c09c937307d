/** What the promise gives, or undefined when that takes longer. The promise's failure is passed on. */
export function bounded<T>(promise: Promise<T>, waitMs: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), waitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
