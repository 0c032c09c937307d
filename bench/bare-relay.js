// The least that a Socket.IO server can do for a call: pairs in the order of arrival, signals passed on to the partner.
// What bench/server.js compares with. Prints its port as one JSON line, as `roomctl serve` does.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });
let waiting;

io.on("connection", (socket) => {
  let partner;
  socket.on("queue:join", (_payload, acknowledge) => {
    acknowledge({ ok: true });
    if (waiting === undefined) {
      waiting = { socket, meet: (other) => (partner = other) };
      return;
    }
    partner = waiting.socket;
    waiting.meet(socket);
    waiting = undefined;
    const room = { roomId: randomUUID() };
    for (const side of [socket, partner]) side.emit("room:state", { room });
  });
  socket.on("rtc:ice", (payload, acknowledge) => {
    partner.emit("rtc:ice", payload);
    acknowledge({ ok: true });
  });
});
http.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ event: "listening", port: http.address().port })}\n`);
});
