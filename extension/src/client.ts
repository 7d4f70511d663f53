// The protocol's client, in a file of its own that is loaded only when the server is started: activation stays cheap.
import * as path from "node:path";
import * as vscode from "vscode";
import {
  CloseAction, ErrorAction, ErrorCodes, LanguageClient, ResponseError, RevealOutputChannelOn, State, TransportKind,
  type ErrorHandler, type LanguageClientOptions, type Middleware, type ServerOptions,
} from "vscode-languageclient/node";

const CRASHES = 4; // within CRASH_SPAN_MS it is started again; the next crash leaves it stopped
const CRASH_SPAN_MS = 3 * 60_000;
const BROKEN: number[] = [ErrorCodes.MessageWriteError, ErrorCodes.MessageReadError, ErrorCodes.PendingResponseRejected, ErrorCodes.ConnectionInactive];
const ENDED = "it ended at once; its output says why";

export interface Listener {
  running(): void;
  starting(): void;
  happened(activity: unknown): void;
  gaveUp(reason: Error): void;
}

/** What goes wrong is said by those who started it, once. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** One connection to one language server. */
export class Client {
  private readonly client: LanguageClient;
  private crashes: number[] = [];
  private hasRun = false;
  private isAbandoned = false;
  private refuse: (reason: Error) => void = () => undefined;

  constructor(python: string, extensionPath: string, output: vscode.LogOutputChannel, middleware: Middleware, private readonly listener: Listener) {
    const run = { command: python, args: ["-I", path.join(extensionPath, "bundled", "launch.py"), "lsp"], transport: TransportKind.stdio };
    const serverOptions: ServerOptions = { run, debug: run };
    const clientOptions: LanguageClientOptions = {
      documentSelector: [{ scheme: "file" }],
      initializationOptions: { activity: true, offers: false, trusted: vscode.workspace.isTrusted },
      outputChannel: output,
      traceOutputChannel: traceChannel(output),
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      middleware,
      errorHandler: this.errorHandler(),
      initializationFailedHandler: () => false, // `start` says it
    };
    this.client = new QuietClient("noclobber", "noclobber", serverOptions, clientOptions);
    this.client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) listener.running();
      else if (newState === State.Starting) listener.starting();
    });
    this.client.onNotification("noclobber/activity", (params: unknown) => { listener.happened(params); });
  }

  get isRunning(): boolean {
    return this.client.state === State.Running;
  }

  /** Fails where the server ends before it has answered, or is abandoned. */
  async start(): Promise<void> {
    const refused = new Promise<never>((_, reject) => { this.refuse = reject; });
    const started = this.client.start().catch((error: unknown) => { throw isBroken(error) ? new Error(ENDED) : error; });
    await Promise.race([started, refused]);
    this.hasRun = true;
  }

  /** Ends a server that has not come to run, however it hangs. */
  abandon(reason: string): void {
    if (this.isRunning) return;
    this.isAbandoned = true;
    this.refuse(new Error(reason));
    this.client.serverProcess?.kill("SIGKILL");
  }

  async stop(): Promise<void> {
    if (!this.isRunning) { this.abandon("it was stopped"); return; }
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
        if (!this.hasRun) this.refuse(new Error(ENDED));
        if (!this.hasRun || this.isAbandoned) return { action: CloseAction.DoNotRestart, handled: true };
        const now = Date.now();
        this.crashes = [...this.crashes.filter((at) => now - at < CRASH_SPAN_MS), now];
        if (this.crashes.length <= CRASHES) return { action: CloseAction.Restart, message: "The server ended; it is started again.", handled: true };
        this.listener.gaveUp(new Error(`it ended ${CRASHES + 1} times within three minutes; its output says why`));
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }
}

/** Whether the connection broke, as against an answer that says no. */
function isBroken(error: unknown): boolean {
  return error instanceof ResponseError && BROKEN.includes(error.code);
}

/** Where the messages go that `noclobber.trace.server` asks for: the setting is enough, whatever the channel's log level is. */
function traceChannel(output: vscode.LogOutputChannel): vscode.LogOutputChannel {
  const level = (): vscode.LogLevel =>
    vscode.workspace.getConfiguration("noclobber").get<string>("trace.server", "off") === "off" ? vscode.LogLevel.Info : vscode.LogLevel.Trace;
  return {
    ...output,
    get logLevel() { return level(); },
    onDidChangeLogLevel: (listener) => vscode.workspace.onDidChangeConfiguration((event) => { if (event.affectsConfiguration("noclobber.trace.server")) listener(level()); }),
    trace: (message, ...more: unknown[]) => { output.info(message, ...more); },
  };
}
