import { z } from "zod";

const mostCharacters = 10_000;

/**
 * What a user says: 1 to 10,000 characters, counted as the database counts them. It can store neither a NUL nor half of
 * a surrogate pair.
 */
export const bodySchema = z
  .string()
  .min(1)
  .max(2 * mostCharacters)
  .refine((text) => text.length <= mostCharacters || [...text].length <= mostCharacters, {
    error: `at most ${mostCharacters} characters`,
    params: { isTooLarge: true },
  })
  .refine((text) => !/\0|\p{Surrogate}/u.test(text), { error: "holds a character that cannot be stored" });
