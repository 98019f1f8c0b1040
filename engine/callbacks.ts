/** Calls functions of the program: transforms and hooks, which it serves under a token each. */
import { credentials } from "@grpc/grpc-js";
import callbackGrpc from "@pulumi/pulumi/proto/callback_grpc_pb.js";
import callbackPb from "@pulumi/pulumi/proto/callback_pb.js";
import { CHANNEL_OPTIONS } from "./rpc.ts";

/** Anything that protobuf can write. */
export interface Message {
  serializeBinary(): Uint8Array;
}

/** One client for each process that serves callbacks. */
export class Callbacks {
  readonly #clients = new Map<string, callbackGrpc.CallbacksClient>();

  /** Calls a function of the program and returns its answer, serialized. Rejects with the function's own error. */
  async invoke(callback: callbackPb.Callback, message: Message): Promise<Uint8Array> {
    const request = new callbackPb.CallbackInvokeRequest();
    request.setToken(callback.getToken());
    request.setRequest(message.serializeBinary());
    const client = this.#client(callback.getTarget());
    return new Promise((resolve, reject) => {
      client.invoke(request, (error, response) => {
        if (error === null) resolve(response.getResponse_asU8());
        else reject(new Error(error.details));
      });
    });
  }

  /** Ends all connections. */
  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #client(target: string): callbackGrpc.CallbacksClient {
    let client = this.#clients.get(target);
    if (client === undefined) {
      client = new callbackGrpc.CallbacksClient(target, credentials.createInsecure(), CHANNEL_OPTIONS);
      this.#clients.set(target, client);
    }
    return client;
  }
}
