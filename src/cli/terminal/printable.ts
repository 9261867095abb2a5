/**
 * What a terminal, or a reader, could take for something else than text: control characters (of ASCII, DEL, and the C1 set), marks
 * that turn the direction of text, what has no width, what is no character, and the separators of lines and paragraphs.
 */
const NO_PLAIN_TEXT = /[\p{C}\p{Zl}\p{Zp}]/gu;
const NO_PLAIN_TEXT_OR_LINE_END = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu;

/** One line of plain text. Names and what nodes hold are written by others, and errors quote them. */
export function printable(text: string): string {
  return text.replaceAll(NO_PLAIN_TEXT, escaped);
}

/** The same for a text of several lines. */
export function printableLines(text: string): string {
  return text.replaceAll(NO_PLAIN_TEXT_OR_LINE_END, escaped);
}

/** JSON of plain text: what is none stands there as JSON's own escapes, and parses to what it was. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(NO_PLAIN_TEXT_OR_LINE_END, (character) =>
    // A character past U+FFFF is two escapes.
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

function escaped(character: string): string {
  const point = character.codePointAt(0) ?? 0;
  return `\\u{${point.toString(16)}}`;
}
