import { z } from "zod";

/** Schemas of what clients send. PostgreSQL takes no NUL, and half a surrogate pair is no text. */

/** One line: no control characters. Trimmed. */
export function line(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u, "holds characters that cannot be shown");
}

/** Several lines. Trimmed. */
export function prose(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .regex(/^(?:[^\p{Cc}\p{Cs}]|[\n\r\t])*$/u, "holds characters that cannot be shown");
}

/** Any UUID, in lower case as the database writes it. */
export const uuid = z.guid().toLowerCase();
export const email = z.string().trim().pipe(z.email().max(320));
export const emailCode = z.string().regex(/^\d{6}$/, "six digits");
/** Of a referral link or an invitation. */
export const linkCode = z.string().regex(/^[\x21-\x7e]{1,100}$/, "not a code");
/** Ids of type bigint, as text. */
export const bigId = z.string().regex(/^\d{1,18}$/, "not an id");
/** An address, or a network of them: `10.0.0.0/8`, `2001:db8::/32`. */
export const inet = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], "not an address or network");
