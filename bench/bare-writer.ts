/** The other side of shapes/bare.ts: when told to, writes 400 bytes to each of its connections, 50 times a second. */
import { createServer, type Socket } from "node:net";

const sockets: Socket[] = [];
const bytes = Buffer.alloc(400, 0x41);
let writing: NodeJS.Timeout | undefined;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  sockets.push(socket);
}).listen(0, "127.0.0.1", () => process.send?.(server.address()));

process.on("message", (on) => {
  clearInterval(writing);
  if (on !== true) return;
  writing = setInterval(() => {
    for (const socket of sockets) socket.write(bytes);
  }, 20);
});
process.on("disconnect", () => process.exit());
