// Starts, restarts and stops the language server, and passes calls on to it.
import * as path from "node:path";
import * as vscode from "vscode";
import {
  CloseAction, ErrorAction, LanguageClient, RevealOutputChannelOn, State, TransportKind,
  type ErrorHandler, type LanguageClientOptions, type Middleware, type ServerOptions,
} from "vscode-languageclient/node";
import { findInterpreter, NoInterpreterError } from "./interpreter";

export type ServerState = "none" | "starting" | "running" | "stopped" | "noPython";

const CRASHES = 4; // within CRASH_SPAN_MS it is started again; the next crash leaves it stopped
const CRASH_SPAN_MS = 3 * 60_000;

/** The language server as the rest of the extension sees it. */
export class Server implements vscode.Disposable {
  state: ServerState = "none";
  problem = "";
  interpreter = "";
  private client: LanguageClient | undefined;
  private asked = 0;
  private running: Promise<void> | undefined;
  private crashes: number[] = [];
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
    this.running ??= this.untilSettled().finally(() => { this.running = undefined; });
    return this.running;
  }

  /** What a command of the server answers. Throws when it is not running or says no. */
  async call<T>(command: string, argument: object = {}): Promise<T> {
    if (this.running) await this.running;
    if (!this.client || this.client.state !== State.Running) throw new Error("The noclobber language server is not running. Use noclobber: Restart Server.");
    return this.client.sendRequest<T>("workspace/executeCommand", { command, arguments: [argument] });
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (!client) return;
    try {
      await client.stop(3000);
    } catch (error) {
      this.output.warn(`The server did not stop by itself: ${String(error)}`);
    }
    await client.dispose();
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
      await this.start();
    } while (done !== this.asked);
  }

  private async start(): Promise<void> {
    if (!vscode.workspace.workspaceFolders?.length) { this.set("none"); return; }
    this.set("starting");
    try {
      const interpreter = await findInterpreter(vscode.workspace.workspaceFolders[0]?.uri);
      this.interpreter = interpreter.path;
      this.output.info(`Python ${interpreter.version} from ${interpreter.from}: ${interpreter.path}`);
      this.client = this.newClient(interpreter.path);
      await this.client.start();
    } catch (error) {
      this.failed(error);
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

  private newClient(python: string): LanguageClient {
    const run = { command: python, args: ["-I", path.join(this.extensionPath, "bundled", "launch.py"), "lsp"], transport: TransportKind.stdio };
    const serverOptions: ServerOptions = { run, debug: run };
    const clientOptions: LanguageClientOptions = {
      documentSelector: [{ scheme: "file" }],
      initializationOptions: { activity: true, offers: false },
      outputChannel: this.output,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware: this.middleware,
      errorHandler: this.errorHandler(),
    };
    const client = new LanguageClient("noclobber", "noclobber", serverOptions, clientOptions);
    client.onDidChangeState(({ newState }) => {
      if (client !== this.client) return; // a client that has been replaced
      if (newState === State.Running) this.set("running");
      else if (newState === State.Starting) this.set("starting");
    });
    client.onNotification("noclobber/activity", (params: unknown) => { this.happened.fire(params); });
    return client;
  }

  private errorHandler(): ErrorHandler {
    return {
      error: () => ({ action: ErrorAction.Continue }),
      closed: () => {
        const now = Date.now();
        this.crashes = [...this.crashes.filter((at) => now - at < CRASH_SPAN_MS), now];
        if (this.crashes.length <= CRASHES) return { action: CloseAction.Restart, message: "The server ended; it is started again.", handled: true };
        this.crashes = [];
        this.failed(new Error(`it ended ${CRASHES + 1} times within three minutes; its output says why`));
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  private set(state: ServerState): void {
    if (state === "running") this.problem = "";
    this.state = state;
    void vscode.commands.executeCommand("setContext", "noclobber.server", state);
    this.stateChanged.fire(state);
  }
}
