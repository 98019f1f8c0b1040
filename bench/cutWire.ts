/** A wire between a command and its cluster that can be cut: what a machine sees whose network is gone. */
import { readFile, writeFile } from "node:fs/promises";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { parseDocument } from "yaml";

/** Passes bytes on until it is cut; then it takes connections and answers nothing, as a network does that drops packets. */
export class CutWire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #to: { host: string; port: number };
  #cut = false;

  private constructor(to: { host: string; port: number }) {
    this.#to = to;
    this.#server = createServer((socket) => this.#pass(socket));
  }

  /**
   * Lays a wire to a kubeconfig's cluster.
   * @param copy where to write a kubeconfig that goes through it
   */
  static async lay(kubeconfig: string, copy: string): Promise<CutWire> {
    const document = parseDocument(await readFile(kubeconfig, "utf8"));
    const at = ["clusters", 0, "cluster", "server"];
    const { hostname, port } = new URL(String(document.getIn(at)));
    const wire = new CutWire({ host: hostname, port: Number(port) });
    await new Promise<void>((resolve) => wire.#server.listen(0, "127.0.0.1", resolve));
    document.setIn(at, `https://127.0.0.1:${(wire.#server.address() as AddressInfo).port}`);
    await writeFile(copy, document.toString(), { mode: 0o600 });
    return wire;
  }

  #pass(socket: Socket): void {
    this.#keep(socket);
    if (this.#cut) return;
    const far = connect(this.#to);
    this.#keep(far);
    // A cut wire passes nothing on, not even the end of a connection.
    socket.on("data", (bytes) => this.#cut || far.write(bytes)).on("end", () => this.#cut || far.end());
    far.on("data", (bytes) => this.#cut || socket.write(bytes)).on("end", () => this.#cut || socket.end());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => this.#sockets.delete(socket));
  }

  /** From now on nothing comes through. */
  cut(): void {
    this.#cut = true;
  }

  /** New connections come through again; those that were cut are gone. */
  mend(): void {
    this.#cut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
