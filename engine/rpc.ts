/** gRPC without ceremony: async functions as unary handlers, a server on a free loopback port. */
import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  status,
  type handleUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { UserError } from "./errors.ts";

/** The SDKs send and accept messages of up to 400 MiB. */
const MESSAGE_LIMIT = 400 * 1024 * 1024;
/** Options of every server and client of ours. */
export const CHANNEL_OPTIONS = {
  "grpc.max_receive_message_length": MESSAGE_LIMIT,
  "grpc.max_send_message_length": MESSAGE_LIMIT,
};

/** An error with a gRPC status code of its own; any other error is sent as UNKNOWN. */
class RpcError extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** The answer to whatever this engine does not do: the feature is named. */
export function unsupported(what: string): UserError {
  return new UserError(`The embedded engine does not support ${what}.`, "Use --engine pulumi, or do without it.");
}

/** What a program gets once the operation has failed or ended; the SDK then stops quietly. */
export function shutDown(): Error {
  return new RpcError(status.UNAVAILABLE, "resource monitor shut down");
}

/** Makes a unary handler of an async function. */
export function unary<Request, Response>(handler: (request: Request) => Promise<Response>): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    handler(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        callback({ code: error instanceof RpcError ? error.code : status.UNKNOWN, details: message, message });
      },
    );
  };
}

/** A running server. */
export interface RunningServer {
  /** `127.0.0.1:<port>` */
  address: string;
  /** Ends at once; calls under way get an error. */
  close: () => void;
}

/** Serves on 127.0.0.1. Port 0, the default, takes a free one. */
export async function serve(services: [ServiceDefinition, UntypedServiceImplementation][], port = 0): Promise<RunningServer> {
  // What goes wrong is told by our own errors; the library would print it, too.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server(CHANNEL_OPTIONS);
  for (const [definition, implementation] of services) server.addService(definition, implementation);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, result) => {
      if (error === null) resolve(result);
      else reject(new Error(`cannot serve on 127.0.0.1:${port}: ${error.message}`));
    });
  });
  return { address: `127.0.0.1:${bound}`, close: () => server.forceShutdown() };
}
