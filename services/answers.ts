import { connect } from "node:net";

/** Asks one question of whoever listens at a loopback port: true if the first bytes of the answer satisfy. */
function ask(port: number, question: Buffer, satisfies: (answer: Buffer) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    let answer: Buffer = Buffer.alloc(0);
    const socket = connect({ host: "127.0.0.1", port });
    const end = (good: boolean) => {
      socket.destroy();
      resolve(good);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
    socket.on("connect", () => socket.write(question));
    socket.on("data", (more: Buffer) => {
      answer = Buffer.concat([answer, more]);
      if (satisfies(answer)) end(true);
    });
  });
}

/** Logs in without a password and asks for a row: PgBouncer lets clients in by itself, but its rows come from behind. */
export function postgresAnswers(port: number): Promise<boolean> {
  const words = Buffer.from("user\0postgres\0database\0postgres\0\0");
  const startup = Buffer.alloc(8);
  startup.writeInt32BE(8 + words.length, 0);
  startup.writeInt32BE(196_608, 4);
  const query = Buffer.from("Q\0\0\0\x0dSELECT 1\0", "latin1");
  return ask(port, Buffer.concat([startup, words, query]), holdsRow);
}

/** PostgreSQL's messages are a letter and a length that counts itself; D is a row. */
function holdsRow(answer: Buffer): boolean {
  for (let at = 0; at + 5 <= answer.length; at += 1 + answer.readInt32BE(at + 1)) {
    if (answer[at] === 0x44) return true;
  }
  return false;
}

export function redisAnswers(port: number): Promise<boolean> {
  return ask(port, Buffer.from("PING\r\n"), (answer) => answer.toString("latin1").startsWith("+PONG"));
}

/** A Metadata request, version 4: how many brokers of the cluster that one knows to be there. */
export function kafkaKnows(port: number, brokers: number): Promise<boolean> {
  const request = Buffer.alloc(4 + 15);
  request.writeInt32BE(15, 0);
  request.writeInt16BE(3, 4);
  request.writeInt16BE(4, 6);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  // Length, correlation and throttle come before the number of brokers.
  return ask(port, request, (answer) => answer.length >= 16 && answer.readInt32BE(12) >= brokers);
}
