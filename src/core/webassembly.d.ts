/** What Node has of it and is used here; the types of Node 20 do not know it, and those of browsers are not wanted. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance<Exports extends object> {
    constructor(module: Module, imports: { readonly host: { readonly memory: Memory } });
    readonly exports: Exports;
  }
  class Memory {
    /** In pages of 64 KiB. */
    constructor(size: { readonly initial: number; readonly maximum: number });
    readonly buffer: ArrayBuffer;
  }
}
