import { ConfigError, readConfig, type Config } from "./config.ts";
import { createLog } from "./log.ts";
import { startService, type Service } from "./service.ts";

/** 0: ended as asked. 1: an error that nobody foresaw. The others are named for what to look at. */
const exitCodes = { unexpected: 1, configuration: 2, start: 4, cut: 5 } as const;

function configuration(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.configuration);
  }
}

const config = configuration();
const log = createLog(config);

function die(code: number, error: unknown, message: string): never {
  log.fatal({ err: error, code }, message);
  process.exit(code);
}

process.on("uncaughtException", (error) => die(exitCodes.unexpected, error, "Ended by an error"));
process.on("unhandledRejection", (error) => die(exitCodes.unexpected, error, "Ended by an error"));

async function start(): Promise<Service> {
  try {
    return await startService(config, log);
  } catch (error) {
    return die(exitCodes.start, error, "Cannot start: is the port taken, or the API server's certificate authority missing?");
  }
}

const service = await start();

let stopping = false;
async function stop(signal: NodeJS.Signals): Promise<void> {
  // Whoever asks twice does not want to wait.
  if (stopping) process.exit(exitCodes.cut);
  stopping = true;
  log.info({ signal }, "Asked to stop");
  process.exit((await service.stop()) ? 0 : exitCodes.cut);
}
process.on("SIGTERM", (signal) => void stop(signal));
process.on("SIGINT", (signal) => void stop(signal));
