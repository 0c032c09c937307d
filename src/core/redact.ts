/** Takes passwords out of text: URL user info, `password=` parameters. Used before anything is printed or stored. */
export function redact(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):[^\s/?#]*@/gi, "$1:***@")
    .replace(/\b(password\s+)'(?:[^']|'')*'/gi, "$1'***'")
    .replace(/\b(password|passwd|pgpassword|sslpassword)(\s*=\s*)('[^']*'|[^\s&]+)/gi, "$1$2***");
}
