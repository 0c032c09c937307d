/**
 * Makes roles that several test files share, each given as the words after CREATE ROLE; they are left to the server. Made
 * by whoever comes first: an advisory lock is one database's, and would not keep files with databases of their own apart.
 */
export function makeRoles(...roles: readonly string[]): string {
  const make = (role: string) =>
    `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`;
  return roles.map(make).join("; ");
}
