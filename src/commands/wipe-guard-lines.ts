import type { Style } from "../report/style.js";
import type { GuardLook } from "../wipe/guard.js";

/** What would refuse if the plan were applied now; nothing where no guard would. */
export function guardLines(guards: readonly GuardLook[], style: Style): string[] {
  const refusing = guards.filter(({ refusal }) => refusal !== undefined);
  if (refusing.length === 0) return [];
  return [
    "",
    style.warning("As things stand now it would be refused:"),
    ...refusing.flatMap(({ guard, saw, refusal }) => [
      `  ${guard}: ${saw}`,
      `    ${[...(refusal?.cures ?? []), ...(refusal?.isFinal ? [] : [`or step over it: --allow ${guard}`])].join("; ")}`,
    ]),
  ];
}
