import { z } from "zod";

/** What the drill believes of the server's answers; anything else is no answer, and ends the drill. */
const roomView = z.object({
  roomId: z.string(),
  mode: z.enum(["video", "text"]),
  status: z.enum(["active", "grace_period", "ended"]),
  graceExpiresAt: z.number().nullable(),
  you: z.object({ connected: z.boolean() }),
  partner: z.object({ userId: z.string(), connected: z.boolean() }),
  initiator: z.boolean(),
});

const message = z.object({
  messageId: z.string(),
  sequence: z.number(),
  senderUserId: z.string().optional(),
  body: z.string().optional(),
});

const accepted = z.object({
  ok: z.literal(true),
  durable: z.boolean().optional(),
  queued: z.boolean().optional(),
  inviteId: z.string().optional(),
  room: roomView.nullish(),
  message: message.optional(),
  messages: z.array(message).optional(),
  /** False when the messages could not be read just then. */
  complete: z.boolean().optional(),
  online: z.array(z.string()).optional(),
});
const refused = z.object({ ok: z.literal(false), code: z.string() });

/** Of every event. */
export const answerSchema = z.discriminatedUnion("ok", [accepted, refused]);
export type Answer = z.infer<typeof answerSchema>;

export const sessionSchema = z.object({ userId: z.string(), room: roomView.nullable() });
export const roomStateSchema = z.object({ room: roomView });
export const chatSchema = z.object({ roomId: z.string(), message });
export const torchWarningSchema = z.object({
  roomId: z.string(),
  endsAt: z.number().optional(),
  /** Somebody spoke: there is no warning any more. */
  cleared: z.boolean().optional(),
});
export const torchEndedSchema = z.object({ roomId: z.string() });
export const inviteSchema = z.object({ inviteId: z.string(), fromUserId: z.string() });

export const guestSchema = z.object({ userId: z.string(), token: z.string() });
export const linkSchema = z.object({ code: z.string(), durable: z.boolean().optional() });
export const linkTargetSchema = z.object({ targetUserId: z.string() });
export const healthSchema = z.object({ database: z.string(), dirty: z.number() });
