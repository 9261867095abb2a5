import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes what one server needs into `directory`: `zoo.cfg`, its data directory, its own number if it is one of several,
 * and the log settings of each of the loggers that ZooKeeper has had (which are found through the class path).
 */
export function writeServerFiles(directory, { config, id, logLevel }) {
  const data = join(directory, "data");
  mkdirSync(data, { recursive: true });
  if (id !== undefined) writeFileSync(join(data, "myid"), `${id}\n`);
  const lines = Object.entries({ dataDir: data, ...config }).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(directory, "zoo.cfg"), lines.join(""));
  writeFileSync(
    join(directory, "simplelogger.properties"),
    `org.slf4j.simpleLogger.defaultLogLevel=${logLevel}\norg.slf4j.simpleLogger.showDateTime=true\n` +
      "org.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS\n",
  );
  writeFileSync(
    join(directory, "logback.xml"),
    '<configuration><appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder>' +
      "<pattern>%d{HH:mm:ss.SSS} %level %logger{0} - %msg%n</pattern></encoder></appender>" +
      `<root level="${logLevel}"><appender-ref ref="out"/></root></configuration>\n`,
  );
  writeFileSync(
    join(directory, "log4j.properties"),
    `log4j.rootLogger=${logLevel.toUpperCase()}, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n` +
      "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n" +
      "log4j.appender.out.layout.ConversionPattern=%d{HH:mm:ss.SSS} %p %c{1} - %m%n\n",
  );
}
