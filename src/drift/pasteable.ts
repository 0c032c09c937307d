/**
 * SQL that means the same on one line and can be typed anywhere: control characters in strings and names are written as
 * escapes, those between words as spaces. Neither breaks the line nor talks to the terminal.
 */
export function pasteable(sql: string): string {
  return sql.replace(words, (word) => (/\p{Cc}/u.test(word) ? withoutControls(word) : word));
}

/** A string with escapes, one without, a quoted name, or what stands between words. */
const words = /\bE'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\p{Cc}+/gsu;

function withoutControls(word: string): string {
  if (word.startsWith("E'")) return escapeControls(word, "\\u");
  if (word.startsWith("'")) return `E${escapeControls(word.replaceAll("\\", "\\\\"), "\\u")}`;
  if (word.startsWith('"')) return `U&${escapeControls(word.replaceAll("\\", "\\\\"), "\\")}`;
  return " ";
}

function escapeControls(text: string, mark: "\\u" | "\\"): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    if (mark === "\\u" && character === "\n") return "\\n";
    return `${mark}${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
