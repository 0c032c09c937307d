import { type ConnectOpts, Socket, type SocketConstructorOpts } from "node:net";
import type { Duplex } from "node:stream";

type Reader = (bytes: Buffer) => void;

/** What one read of a socket may bring. */
const readBytes = 64 * 1024;

/** Who reads sockets of ours, in place of those who listen for their data. */
const readers = new WeakMap<Duplex, Reader>();

/**
 * A socket that reads into one buffer, always the same: Node would make one of 64 KiB for every read, which costs as much
 * as all else that a COPY does here. Not for TLS, which reads by itself.
 */
export function createSocket(): Socket {
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  const onRead = (size: number) => {
    const read = buffer.subarray(0, size);
    const reader = readers.get(socket);
    if (reader) reader(read);
    // Who listens may keep what it gets.
    else socket.emit("data", Buffer.from(read));
    return true;
  };
  // The manual says it of `connect` alone, but it is the constructor that looks.
  const options: SocketConstructorOpts & ConnectOpts = { onread: { buffer, callback: onRead } };
  const socket: Socket = new Socket(options);
  return socket;
}

/**
 * Until the function that it returns is called, `reader` gets what the socket brings, instead of those who listen for it.
 * The bytes are others after the call. `listeners` hands something to those who listen.
 */
export function divertReads(stream: Duplex, reader: Reader): { readonly end: () => void; readonly listeners: Reader } {
  const listening = stream.listeners("data") as Reader[];
  readers.set(stream, reader);
  for (const listener of listening) stream.off("data", listener);
  // Without a listener, a socket of Node's own would stop to read.
  stream.on("data", reader);
  let isEnded = false;
  return {
    end() {
      if (isEnded) return;
      isEnded = true;
      readers.delete(stream);
      stream.off("data", reader);
      for (const listener of listening) stream.on("data", listener);
    },
    listeners(bytes) {
      // A copy: they may keep it.
      const own = Buffer.from(bytes);
      for (const listener of listening) listener.call(stream, own);
    },
  };
}
