/** The other side of shapes/bare.ts: writes 400 bytes to each of 1,000 connections, 50 times a second. */
import { createServer, type Socket } from "node:net";

const sockets: Socket[] = [];
const bytes = Buffer.alloc(400, 0x41);

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  if (sockets.push(socket) === 1_000) {
    setInterval(() => {
      for (const each of sockets) each.write(bytes);
    }, 20);
  }
}).listen(0, "127.0.0.1", () => process.send?.(server.address()));
process.on("disconnect", () => process.exit());
