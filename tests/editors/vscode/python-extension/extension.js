// Stands in for ms-python.python: the same exports, and an active environment that is whatever its setting names.
const vscode = require("vscode");

exports.activate = () => {
  const changed = new vscode.EventEmitter();
  const active = (resource) => vscode.workspace.getConfiguration("python", resource).get("defaultInterpreterPath");
  vscode.workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration("python.defaultInterpreterPath")) changed.fire({ id: active(), path: active() });
  });
  return {
    environments: {
      getActiveEnvironmentPath: (resource) => ({ id: active(resource), path: active(resource) }),
      resolveEnvironment: async ({ path }) => (path ? { id: path, path, executable: { uri: vscode.Uri.file(path), bitness: undefined, sysPrefix: "" } } : undefined),
      onDidChangeActiveEnvironmentPath: changed.event,
    },
  };
};
