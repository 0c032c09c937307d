import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import { messageOf, RoomctlError } from "../core/errors.js";
import type { DatabaseTarget } from "./target.js";

/** `false` means plain text; otherwise what `pg` hands to node:tls. */
export type TlsAttempt = false | ConnectionOptions;

/**
 * What to try, in order, for libpq's sslmode of a target
 * (https://www.postgresql.org/docs/current/libpq-ssl.html, table "SSL Mode Descriptions").
 * A Unix socket never carries TLS. `require` checks the chain when a root certificate is at hand, as libpq does.
 */
export function tlsAttempts(target: DatabaseTarget): readonly TlsAttempt[] {
  if (target.host.startsWith("/")) return [false];
  switch (target.sslMode) {
    case "disable":
      return [false];
    case "allow":
      return [false, unverified(target)];
    case "prefer":
      return [unverified(target), false];
    case "require":
      return [findRootCertificate(target) ? verifiedChain(target) : unverified(target)];
    case "verify-ca":
      return [verifiedChain(target)];
    case "verify-full":
      return [{ ...verifiedChain(target), checkServerIdentity }];
  }
}

function unverified(target: DatabaseTarget): ConnectionOptions {
  return { ...clientCertificate(target), rejectUnauthorized: false };
}

function verifiedChain(target: DatabaseTarget): ConnectionOptions {
  const root = findRootCertificate(target);
  if (root === undefined && target.sslRootCert !== "system") {
    throw new RoomctlError("E_CONFIG", `sslmode=${target.sslMode} needs a root certificate, and there is none`, {
      hint: "set sslrootcert (or PGSSLROOTCERT) to the CA's file, or to system for the CAs that Node trusts",
    });
  }
  const authorities = root === undefined ? {} : { ca: readCertificate(root) };
  return {
    ...clientCertificate(target),
    ...authorities,
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
  };
}

function findRootCertificate(target: DatabaseTarget): string | undefined {
  if (target.sslRootCert === "system") return undefined;
  if (target.sslRootCert) return target.sslRootCert;
  const usual = join(homedir(), ".postgresql", "root.crt");
  return existsSync(usual) ? usual : undefined;
}

function clientCertificate(target: DatabaseTarget): ConnectionOptions {
  if (!target.sslCert || !target.sslKey) return {};
  return { cert: readCertificate(target.sslCert), key: readCertificate(target.sslKey) };
}

function readCertificate(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new RoomctlError("E_CONFIG", `cannot read the certificate ${path}: ${messageOf(cause)}`, { cause });
  }
}
