/** The library's own types speak of its main file only. */
declare module "zstd-blocks/bindings.js" {
  const bindings: {
    compress(block: Buffer, level: number): Promise<Buffer>;
    decompress(frame: Buffer): Promise<Buffer>;
  };
  export default bindings;
}
