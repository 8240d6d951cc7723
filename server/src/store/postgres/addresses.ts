const shape = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/;

/**
 * A connection string with several hosts ("postgres://user@a:5432,b:5432/db") as one for each of them: the server
 * that is written to is the one of them that takes writes, as with libpq's target_session_attrs=read-write.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
 */
export function addressesOf(url: string): readonly string[] {
  const [, before, hosts, behind] = shape.exec(url) ?? [];
  if (before === undefined || hosts === undefined || behind === undefined) {
    throw new RangeError("a PostgreSQL address begins with postgres:// or postgresql://");
  }
  const rest = behind.replace(/([?&])target_session_attrs=[^&]*(&|$)/, (_, left, right) =>
    right ? left : "",
  );
  return hosts.split(",").map((host) => `${before}${host}${rest}`);
}
