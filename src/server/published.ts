/**
 * What an audit can compare of each container that is mirrored: the columns that name a row, those that are compared,
 * and the rows that count as held by this server. Only these columns leave the process.
 */
export interface PublishedContainer {
  readonly table: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** Whether every row of the table that fits `rows` is in memory. */
  readonly complete: boolean;
  /** Column → value, or one of several: the rows that this server answers for. All of the table without it. */
  readonly rows?: (epoch: string) => Readonly<Record<string, string | readonly string[]>>;
  /** The column that holds the version, where the table has one. */
  readonly versionColumn?: string;
}

export const publishedContainers: Readonly<Record<string, PublishedContainer>> = {
  "active rooms": {
    table: "active_rooms",
    key: ["room_id"],
    columns: [
      "user_1",
      "user_2",
      "started_at",
      "chat_mode",
      "status",
      "user_1_connected",
      "user_2_connected",
      "grace_expires_at",
    ],
    complete: true,
    rows: (epoch) => ({ owner_epoch: epoch, status: ["active", "grace_period"] }),
    versionColumn: "version",
  },
  "text room activity": {
    table: "text_room_activity",
    key: ["room_id"],
    columns: ["user_1_last_message_at", "user_2_last_message_at", "warning_started_at"],
    complete: false,
  },
  "referral mappings": {
    table: "referral_mappings",
    key: ["referral_code"],
    columns: ["target_user_id", "created_by_user_id", "target_name", "created_by_name"],
    // Another server's links are read when somebody uses them.
    complete: false,
  },
  cooldowns: { table: "cooldowns", key: ["user_low", "user_high"], columns: ["expires_at"], complete: false },
  "timer totals": { table: "users", key: ["user_id"], columns: ["timer_total_seconds"], complete: false },
  "rate limits": { table: "rate_limits", key: ["key", "window_start"], columns: ["count"], complete: false },
};
