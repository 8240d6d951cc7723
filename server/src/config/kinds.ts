/**
 * Kinds of option values: how each is written, read, bounded and shown. Text comes from flags and the
 * environment, JSON values from the file; both are read by the same `read`.
 */
import { withoutPassword } from "../url-password.ts";

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

export interface Kind<T> {
  /** What a reader of the reference is told: `a duration such as "10s"`. */
  readonly what: string;
  /** The bounds in words, or null where there are none. */
  readonly bounds: string | null;
  readonly boolean: boolean;
  read(raw: unknown): Read<T>;
  /** The value as a person would write it. */
  show(value: T): string;
}

const good = <T>(value: T): Read<T> => ({ ok: true, value });
const bad = (problem: string): Read<never> => ({ ok: false, problem });

interface Unit {
  readonly name: string;
  readonly factor: number;
}

const durations: readonly Unit[] = [
  { name: "d", factor: 86_400_000 },
  { name: "h", factor: 3_600_000 },
  { name: "m", factor: 60_000 },
  { name: "s", factor: 1_000 },
  { name: "ms", factor: 1 },
];

const sizes: readonly Unit[] = [
  { name: "GB", factor: 1024 ** 3 },
  { name: "MB", factor: 1024 ** 2 },
  { name: "KB", factor: 1024 },
  { name: "B", factor: 1 },
];

const showIn = (units: readonly Unit[], value: number): string => {
  const unit = units.find(({ factor }) => value !== 0 && value % factor === 0) ?? units.at(-1)!;
  return `${value / unit.factor}${unit.name}`;
};

function measure(
  units: readonly Unit[],
  what: string,
  example: string,
  min: string,
  max: string,
): Kind<number> {
  const parse = (raw: unknown): number | undefined => {
    const match = typeof raw === "string" ? /^(\d{1,12})\s*([a-z]{1,2})$/i.exec(raw.trim()) : null;
    const unit = match && units.find(({ name }) => name.toLowerCase() === match[2]!.toLowerCase());
    return unit ? Number(match[1]) * unit.factor : undefined;
  };
  const least = parse(min)!;
  const most = parse(max)!;
  return {
    what: `${what} such as "${example}"`,
    bounds: `${min} to ${max}`,
    boolean: false,
    read(raw) {
      const value = parse(raw);
      if (value === undefined) {
        const names = units.map(({ name }) => name).join(", ");
        return bad(`is not ${what}; write it with a unit (${names}), such as "${example}"`);
      }
      return value < least || value > most
        ? bad(`is out of bounds; ${min} to ${max} are allowed`)
        : good(value);
    },
    show: (value) => showIn(units, value),
  };
}

/** In milliseconds; written `250ms`, `10s`, `5m`, `1h`, `7d`. */
export const duration = (min: string, max: string) => measure(durations, "a duration", "10s", min, max);

/** In bytes; written `512B`, `64KB`, `1MB`; a KB is 1,024 bytes. */
export const size = (min: string, max: string) => measure(sizes, "a size", "64KB", min, max);

export function integer(min: number, max: number): Kind<number> {
  return {
    what: "a whole number",
    bounds: `${min} to ${max}`,
    boolean: false,
    read(raw) {
      const value = typeof raw === "string" && /^-?\d{1,15}$/.test(raw.trim()) ? Number(raw) : raw;
      if (typeof value !== "number" || !Number.isSafeInteger(value)) return bad("is not a whole number");
      return value < min || value > max ? bad(`is out of bounds; ${min} to ${max} are allowed`) : good(value);
    },
    show: String,
  };
}

export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  return {
    what: `one of ${values.join(", ")}`,
    bounds: values.join(", "),
    boolean: false,
    read(raw) {
      const value = values.find((each) => each === raw);
      return value === undefined ? bad(`is none of ${values.join(", ")}`) : good(value);
    },
    show: String,
  };
}

export const onOff: Kind<boolean> = {
  what: "true or false",
  bounds: null,
  boolean: true,
  read(raw) {
    if (raw === true || raw === "true") return good(true);
    return raw === false || raw === "false" ? good(false) : bad("is neither true nor false");
  },
  show: String,
};

/** Text that `fits`; `what` completes the sentence "... is not ". */
export function text(what: string, max: number, fits: (value: string) => boolean = () => true): Kind<string> {
  return {
    what,
    bounds: `1 to ${max} characters`,
    boolean: false,
    read(raw) {
      if (typeof raw !== "string" || raw === "" || raw.length > max || !fits(raw))
        return bad(`is not ${what}`);
      return good(raw);
    },
    show: String,
  };
}

/** Separated by commas in text, an array in the file; no item twice. */
export function list<T extends string>(item: Kind<T>, most: number): Kind<readonly T[]> {
  return {
    what: `a list, separated by commas: ${item.what}`,
    bounds: `at most ${most}; each ${item.bounds ?? "any"}`,
    boolean: false,
    read(raw) {
      const words = typeof raw === "string" && raw !== "" ? raw.split(",").map((part) => part.trim()) : [];
      const parts = typeof raw === "string" ? words : raw;
      if (!Array.isArray(parts)) return bad("is not a list");
      if (parts.length > most) return bad(`has ${parts.length} items; ${most} are allowed`);
      const values: T[] = [];
      for (const part of parts) {
        const one = item.read(part);
        if (!one.ok) return bad(`has an item, ${JSON.stringify(part)}, that ${one.problem}`);
        if (!values.includes(one.value)) values.push(one.value);
      }
      return good(values);
    },
    show: (values) => values.join(","),
  };
}

/** The kind, or nothing at all: null is the default and can't be written. */
export const optional = <T>(kind: Kind<T>): Kind<T | null> => ({
  ...kind,
  show: (value) => (value === null ? "" : kind.show(value)),
});

/** The kind, or `none`: null. */
export const orNone = <T>(kind: Kind<T>): Kind<T | null> => ({
  ...kind,
  what: `${kind.what}, or none`,
  bounds: kind.bounds === null ? null : `${kind.bounds}, or none`,
  read: (raw) => (raw === "none" ? good(null) : kind.read(raw)),
  show: (value) => (value === null ? "none" : kind.show(value)),
});

/** Addresses of servers; a comma before the next scheme separates them, since one address may name several hosts. */
export function serverUrls(
  schemes: readonly string[],
  example: string,
  most: number,
): Kind<readonly string[]> {
  const begins = new RegExp(`^(?:${schemes.join("|")})://[^\\s/?#]+`);
  const item = text(`an address such as ${example}`, 2_048, (value) => begins.test(value));
  const items = list(item, most);
  return {
    ...items,
    what: `one address or several, separated by commas: ${item.what}`,
    read: (raw) => items.read(typeof raw === "string" && raw !== "" ? raw.split(/,\s*(?=[a-z]+:\/\/)/) : raw),
    show: (values) => values.map(withoutPassword).join(","),
  };
}
