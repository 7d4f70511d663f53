// Starts, restarts and stops the language server, and passes calls on to it.
import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import type { Client } from "./client";
import { findInterpreter, NoInterpreterError } from "./interpreter";

export type ServerState = "none" | "starting" | "running" | "stopped" | "noPython";

const START_MS = 30_000; // a loaded machine takes a few seconds

/** The language server as the rest of the extension sees it. */
export class Server implements vscode.Disposable {
  state: ServerState = "none";
  problem = "";
  interpreter = "";
  private client: Client | undefined;
  private asked = 0;
  private running: Promise<void> | undefined;
  private readonly stateChanged = new vscode.EventEmitter<ServerState>();
  private readonly happened = new vscode.EventEmitter<unknown>();
  readonly onState = this.stateChanged.event;
  readonly onActivity = this.happened.event;

  constructor(
    private readonly extensionPath: string,
    private readonly output: vscode.LogOutputChannel,
    private readonly middleware: Middleware,
  ) {}

  /** Start it, or start it anew. Calls while one is under way are answered by one more start, however many they are. */
  restart(): Promise<void> {
    this.asked += 1;
    this.client?.abandon("another start was asked for");
    this.running ??= this.untilSettled().finally(() => { this.running = undefined; });
    return this.running;
  }

  /** What a command of the server answers. Throws when it is not running or says no. */
  async call<T>(command: string, argument: object = {}): Promise<T> {
    if (this.running) await this.running;
    if (!this.client?.isRunning) throw new Error("The noclobber language server is not running. Use noclobber: Restart Server.");
    return this.client.execute<T>(command, argument);
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (!client) return;
    try {
      await client.stop();
    } catch (error) {
      this.output.warn(`The server did not stop by itself: ${String(error)}`);
    }
  }

  dispose(): void {
    this.stateChanged.dispose();
    this.happened.dispose();
  }

  private async untilSettled(): Promise<void> {
    let done: number;
    do {
      done = this.asked;
      await this.stop();
      await this.start(() => done !== this.asked);
    } while (done !== this.asked);
  }

  private async start(isOutdated: () => boolean): Promise<void> {
    if (!vscode.workspace.workspaceFolders?.length) { this.set("none"); return; }
    this.set("starting");
    try {
      const interpreter = await findInterpreter(vscode.workspace.workspaceFolders[0]?.uri);
      this.interpreter = interpreter.path;
      this.output.info(`Python ${interpreter.version} from ${interpreter.from}: ${interpreter.path}`);
      const client = await this.newClient(interpreter.path);
      if (isOutdated()) return;
      this.client = client;
      await untilStarted(client);
    } catch (error) {
      if (!isOutdated()) this.failed(error);
    }
  }

  private failed(error: unknown): void {
    this.problem = error instanceof Error ? error.message : String(error);
    this.output.error(this.problem);
    const python = error instanceof NoInterpreterError;
    this.set(python ? "noPython" : "stopped");
    const choose = python ? "Choose Interpreter" : "Restart Server";
    void vscode.window.showErrorMessage(python ? this.problem : `The noclobber language server did not start: ${this.problem}`, choose, "Show Output").then((answer) => {
      if (answer === "Show Output") this.output.show();
      else if (answer === choose) void vscode.commands.executeCommand(python ? "noclobber.chooseInterpreter" : "noclobber.restartServer");
    });
  }

  private async newClient(python: string): Promise<Client> {
    const { Client } = await import("./client.js");
    const client: Client = new Client(python, this.extensionPath, this.output, this.middleware, {
      running: () => { if (client === this.client) this.set("running"); }, // not one that has been replaced
      starting: () => { if (client === this.client) this.set("starting"); },
      happened: (activity) => { this.happened.fire(activity); },
      gaveUp: (reason) => { if (client === this.client) this.failed(reason); },
    });
    return client;
  }

  private set(state: ServerState): void {
    if (state === "running") this.problem = "";
    this.state = state;
    void vscode.commands.executeCommand("setContext", "noclobber.server", state);
    this.stateChanged.fire(state);
  }
}

async function untilStarted(client: Client): Promise<void> {
  const limit = setTimeout(() => { client.abandon(`it did not answer within ${START_MS / 1000} seconds`); }, START_MS);
  try {
    await client.start();
  } finally {
    clearTimeout(limit);
  }
}
