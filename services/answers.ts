import { connect } from "node:net";

/** Asks one question of whoever listens at a loopback port: what `read` makes of the answer as soon as it can. */
function ask<T>(port: number, question: Buffer, read: (answer: Buffer) => T | null): Promise<T | null> {
  return new Promise((resolve) => {
    let answer: Buffer = Buffer.alloc(0);
    const socket = connect({ host: "127.0.0.1", port });
    const end = (result: T | null) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => end(null));
    socket.on("error", () => end(null));
    socket.on("close", () => end(null));
    socket.on("connect", () => socket.write(question));
    socket.on("data", (more: Buffer) => {
      answer = Buffer.concat([answer, more]);
      const result = read(answer);
      if (result !== null) end(result);
    });
  });
}

/** Logs in without a password and asks for a row: PgBouncer lets clients in by itself, but its rows come from behind. */
export async function postgresAnswers(port: number): Promise<boolean> {
  const words = Buffer.from("user\0postgres\0database\0postgres\0\0");
  const startup = Buffer.alloc(8);
  startup.writeInt32BE(8 + words.length, 0);
  startup.writeInt32BE(196_608, 4);
  const query = Buffer.from("Q\0\0\0\x0dSELECT 1\0", "latin1");
  return (await ask(port, Buffer.concat([startup, words, query]), findRow)) !== null;
}

/** PostgreSQL's messages are a letter and a length that counts itself; D is a row. */
function findRow(answer: Buffer): Buffer | null {
  for (let at = 0; at + 5 <= answer.length; at += 1 + answer.readInt32BE(at + 1)) {
    if (answer[at] === 0x44) return answer.subarray(at);
  }
  return null;
}

export async function redisAnswers(port: number): Promise<boolean> {
  const pong = (answer: Buffer) => (answer.toString("latin1").startsWith("+PONG") ? true : null);
  return (await ask(port, Buffer.from("PING\r\n"), pong)) !== null;
}

/** A Metadata request, version 4: the ports at which that broker says its cluster's brokers are; none if silent. */
export async function kafkaPorts(port: number): Promise<number[]> {
  const request = Buffer.alloc(4 + 15);
  request.writeInt32BE(15, 0);
  request.writeInt16BE(3, 4);
  request.writeInt16BE(4, 6);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return (await ask(port, request, readPorts)) ?? [];
}

/** Length, correlation, throttle, then the brokers: id, host, port and a rack that may be absent (-1). */
function readPorts(answer: Buffer): number[] | null {
  if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return null;
  const found: number[] = [];
  let at = 16;
  for (let count = answer.readInt32BE(12); count > 0; count--) {
    at += 4 + 2 + answer.readInt16BE(at + 4);
    found.push(answer.readInt32BE(at));
    at += 4 + 2 + Math.max(0, answer.readInt16BE(at + 4));
  }
  return found;
}
