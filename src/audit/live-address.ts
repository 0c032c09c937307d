import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";

/** Where a server tells what it holds. */
export interface ControlAddress {
  /** For people; an address has no secret in it. */
  readonly shown: string;
  readonly isSecure: boolean;
  /** The path of a unix socket, where it is one. */
  readonly socketPath: string | undefined;
  /** Everything but the path of one question, without a slash at its end. */
  readonly base: string;
}

const schemes = "unix:/path/to.sock, http://host:port or https://host:port";

/** Reads `unix:/run/rooms.sock`, `http://127.0.0.1:9000`, `https://rooms.internal/control`. Throws E_USAGE. */
export function parseControlAddress(text: string): ControlAddress {
  const socketPath = /^unix:(?:\/\/)?(\/[^\0]+)$/.exec(text)?.[1];
  if (socketPath !== undefined) {
    return { shown: `unix:${socketPath}`, isSecure: true, socketPath, base: "http://localhost" };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw refused("--live is no address of a server");
  if (url.username !== "" || url.password !== "") throw refused("--live takes no user or password in the address");
  if (url.search !== "" || url.hash !== "") throw refused("--live takes an address without ? and #");
  const base = `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  return { shown: base, isSecure: url.protocol === "https:" || isLocal, socketPath: undefined, base };
}

function refused(message: string): RoomctlError {
  return new RoomctlError("E_USAGE", message, {
    hint: `write it as ${schemes}; a token comes from ROOMCTL_CONTROL_TOKEN`,
  });
}

/** What a person types to see the same answer. */
export function askByHand({ socketPath, base }: ControlAddress, path: string): string {
  const target = shellWord(`${base}${path}`);
  return socketPath === undefined
    ? `curl -H "Authorization: Bearer $ROOMCTL_CONTROL_TOKEN" ${target}`
    : `curl --unix-socket ${shellWord(socketPath)} ${target}`;
}
