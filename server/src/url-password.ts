/** Passwords in addresses such as postgres://user:password@host/db, which are neither shown nor logged. */
const password = /^([a-z]+:\/\/[^:@/?#]*):[^@]*@/;

export const withoutPassword = (url: string): string => url.replace(password, "$1:(hidden)@");

export const hasPassword = (url: string): boolean => password.test(url);
