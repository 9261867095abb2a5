// Control characters are what these are about. Half of an emoji is refused as the server refuses it.
// eslint-disable-next-line no-control-regex
const REFUSED_BY_CLIENT = /[\u0001-\u001e]/;
// eslint-disable-next-line no-control-regex
const REFUSED_BY_SERVER = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/;

/** The C client's check: what fails it is never sent. `isSequence`: the server will add a number to the end. */
export function isSendablePath(path: string, isSequence = false): boolean {
  if (!path.startsWith("/")) return false;
  if (path === "/") return true;
  const levels = path.slice(1).split("/");
  const last = levels.length - 1;
  return (
    levels.every((level, place) => isPlainLevel(level) || (isSequence && place === last)) &&
    !REFUSED_BY_CLIENT.test(path)
  );
}

/** The server's own check of a whole path. */
export function isServerPath(path: string): boolean {
  return isSendablePath(path) && !REFUSED_BY_SERVER.test(path);
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function childOf(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

function isPlainLevel(level: string): boolean {
  return level !== "" && level !== "." && level !== "..";
}
