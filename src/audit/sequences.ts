import { formatName, quoteName } from "../db/identifier.js";
import type { SequenceState } from "../db/sequences.js";
import type { Finding } from "./finding.js";
import { grantHint } from "./unread.js";

/** Sequences that would collide, are used up or soon will be, or cannot be read by this role. */
export function sequenceFindings(state: SequenceState, role: string): readonly Finding[] {
  return [
    ...unreadable(state, role),
    ...(state.isBehind ? [behind(state)] : []),
    ...(state.isExhausted ? [exhausted(state)] : nearlyUsedUp(state)),
  ];
}

function unreadable({ sequence, lastValue, columns }: SequenceState, role: string): readonly Finding[] {
  const name = formatName(sequence);
  const hidden = [
    ...(lastValue === null ? [sequence] : []),
    ...columns.filter(({ isReadable }) => !isReadable).map(({ table }) => table),
  ];
  if (hidden.length === 0) return [];
  return [
    {
      id: "sequence-unreadable",
      severity: "warning",
      subject: name,
      title: `sequence ${name} cannot be judged: this role may not read ${hidden.map(formatName).join(", ")}`,
      why: "nobody knows whether it would hand out ids that exist",
      hint: hidden.map((relation) => grantHint(relation, role)).join(" "),
    },
  ];
}

function behind({ sequence, nextValue, columns }: SequenceState): Finding {
  const name = formatName(sequence);
  const holders = columns.filter(({ isBehind }) => isBehind);
  const held = holders.map(({ table, column, extreme }) => `${formatName(table)}.${column} already has ${extreme}`);
  return {
    id: "sequence-behind",
    severity: "error",
    subject: name,
    title: `sequence ${name} is behind: it hands out ${nextValue} next, but ${held.join(", ")}`,
    why: "inserts fail on the primary key, or store an id twice where nothing keeps it unique",
    hint: "roomctl sequences reset",
  };
}

function exhausted({ sequence, lastValue }: SequenceState): Finding {
  const name = formatName(sequence);
  return {
    id: "sequence-exhausted",
    severity: "error",
    subject: name,
    title: `sequence ${name} is used up at ${lastValue}`,
    why: "every further insert that draws from it fails",
    hint: `ALTER SEQUENCE ${quoteName(sequence)} AS bigint NO MAXVALUE; after its column has become bigint`,
  };
}

/** First a wider type has to be planned; close to the end it cannot wait. */
function nearlyUsedUp({ sequence, usedPercent, headRoom }: SequenceState): readonly Finding[] {
  if (headRoom === null || usedPercent === null) return [];
  const name = formatName(sequence);
  return [
    {
      id: "sequence-nearly-used-up",
      severity: headRoom,
      subject: name,
      title: `sequence ${name} has used ${usedPercent.toFixed(1)}% of its values`,
      why: "at the end every insert that draws from it fails; the column's own type counts too",
      hint: `make its column bigint, then: ALTER SEQUENCE ${quoteName(sequence)} AS bigint NO MAXVALUE;`,
    },
  ];
}
