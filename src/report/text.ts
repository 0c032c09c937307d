const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `0 B`, `12 KiB`, `4.1 GiB`. */
export function formatBytes(sizeBytes: number): string {
  const exponent = sizeBytes < 1 ? 0 : Math.min(Math.floor(Math.log2(sizeBytes) / 10), units.length - 1);
  const value = sizeBytes / 1024 ** exponent;
  return `${exponent > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[exponent]}`;
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 row`, `2,000 rows`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

/** `2026-11-20 03:00:00Z`. */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** C0, DEL and C1: Unicode's category of control characters. */
const controlCharacters = /\p{Cc}/gu;
const escapeCharacter = "\u001b";
/** What our own styles write. */
const colourSequence = new RegExp(`(${escapeCharacter}\\[[0-9;]*m)`);

/** Names and rows are the app's: they must not break their line, nor talk to the terminal. */
export function printable(text: string): string {
  return text.replace(controlCharacters, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same for text that a style has already coloured. */
export function printableStyled(text: string): string {
  const parts = text.split(colourSequence);
  return parts.map((part, index) => (index % 2 === 1 ? part : printable(part))).join("");
}
