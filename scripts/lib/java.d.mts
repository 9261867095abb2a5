/** The `java` program to run: that of JAVA_HOME, of the path, or of Homebrew. undefined: there is none. */
export function findJava(): string | undefined;
