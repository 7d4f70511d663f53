// The protocol's client, in a file of its own that is loaded only when the server is started: activation stays cheap.
import * as path from "node:path";
import * as vscode from "vscode";
import {
  CloseAction, ErrorAction, LanguageClient, RevealOutputChannelOn, State, TransportKind,
  type ErrorHandler, type LanguageClientOptions, type Middleware, type ServerOptions,
} from "vscode-languageclient/node";

const CRASHES = 4; // within CRASH_SPAN_MS it is started again; the next crash leaves it stopped
const CRASH_SPAN_MS = 3 * 60_000;

export interface Listener {
  running(): void;
  starting(): void;
  happened(activity: unknown): void;
  gaveUp(reason: Error): void;
}

/** One connection to one language server. */
export class Client {
  private readonly client: LanguageClient;
  private crashes: number[] = [];

  constructor(python: string, extensionPath: string, output: vscode.LogOutputChannel, middleware: Middleware, private readonly listener: Listener) {
    const run = { command: python, args: ["-I", path.join(extensionPath, "bundled", "launch.py"), "lsp"], transport: TransportKind.stdio };
    const serverOptions: ServerOptions = { run, debug: run };
    const clientOptions: LanguageClientOptions = {
      documentSelector: [{ scheme: "file" }],
      initializationOptions: { activity: true, offers: false, trusted: vscode.workspace.isTrusted },
      outputChannel: output,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware,
      errorHandler: this.errorHandler(),
    };
    this.client = new LanguageClient("noclobber", "noclobber", serverOptions, clientOptions);
    this.client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) listener.running();
      else if (newState === State.Starting) listener.starting();
    });
    this.client.onNotification("noclobber/activity", (params: unknown) => { listener.happened(params); });
  }

  get isRunning(): boolean {
    return this.client.state === State.Running;
  }

  start(): Promise<void> {
    return this.client.start();
  }

  async stop(): Promise<void> {
    try {
      await this.client.stop(3000);
    } finally {
      await this.client.dispose();
    }
  }

  execute<T>(command: string, argument: object): Promise<T> {
    return this.client.sendRequest<T>("workspace/executeCommand", { command, arguments: [argument] });
  }

  private errorHandler(): ErrorHandler {
    return {
      error: () => ({ action: ErrorAction.Continue }),
      closed: () => {
        const now = Date.now();
        this.crashes = [...this.crashes.filter((at) => now - at < CRASH_SPAN_MS), now];
        if (this.crashes.length <= CRASHES) return { action: CloseAction.Restart, message: "The server ended; it is started again.", handled: true };
        this.listener.gaveUp(new Error(`it ended ${CRASHES + 1} times within three minutes; its output says why`));
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }
}
