/** CRC-32 as in ISO-HDLC, gzip and PNG (reflected 0xEDB88320), of the first `end` bytes. */
export const crc32 = (bytes: Uint8Array, end: number): number => {
  let crc = -1;
  for (let i = 0; i < end; i++) crc = table[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
};

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
