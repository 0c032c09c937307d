export const invariants = {
  I0: "the server comes back after a strike, and ends only when it is made to",
  I1: "what was acknowledged as durable is there",
  I2: "nothing is there that nobody asked for",
  I3: "of changes made in memory, none older than the loss window is lost",
  I4: "a row is a state that its room really had",
  I5: "a room whose end is durable never comes back",
  I6: "a stale room stays away, a fresh one comes back",
  I7: "a grace period that ran out is over; one that has not lets both return",
  I8: "a user has one room and one seat, the same as before",
  I9: "links lead where they led",
  I10: "timer totals never fall and never count downtime",
  I11: "a cooldown holds across a restart",
  I12: "a server that was overtaken writes nothing and ends by itself",
  I13: "a start recovers what the dry run said",
  I14: "an orderly end loses nothing",
  I15: "what is ephemeral is gone",
  I16: "silence in a text room counts on over a restart: its warning and its end come when they are due",
  I17: "a limit that was used up stays so",
  I18: "a row never goes back to an older version",
} as const;
export type Invariant = keyof typeof invariants;

export interface Violation {
  readonly invariant: Invariant;
  readonly cycle: number;
  /** The id that the history is searched for. */
  readonly about: string;
  readonly message: string;
}
