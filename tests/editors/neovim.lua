-- Neovim as a real client, driven headless: nvim --headless --clean -n -S neovim.lua   (env: PY, AGENT, WS)
-- Prints one line for each check and ends with 'N passed, N failed'.
local py, agent_script, ws = os.getenv("PY"), os.getenv("AGENT"), os.getenv("WS")
local passed, failed = 0, 0
local function out(text) io.stdout:write(text .. "\n") end
local function shown(note) return type(note) == "string" and note or vim.inspect(note, { newline = "", indent = "" }) end
local function check(name, ok, note)
  if ok then passed = passed + 1 else failed = failed + 1 end
  out((ok and "ok   " or "FAIL ") .. name .. ((note ~= nil and not ok) and ("  -> " .. shown(note)) or ""))
end
local function wait(is_so) return (vim.wait(15000, is_so, 10)) end

-- an agent process that writes under the guard
local function agent(...)
  local text = vim.fn.system({ py, agent_script, ws, ... })
  return vim.v.shell_error, text
end
local function disk(name)
  local file = assert(io.open(ws .. "/" .. name, "r"))
  local text = file:read("*a")
  file:close()
  return text
end

-- Neovim asks before it writes over a newer file, ":write!" or not
local function write() vim.api.nvim_input("y"); vim.cmd("silent write!") end

local function main()
  local version = vim.version()
  out(("nvim %d.%d.%d"):format(version.major, version.minor, version.patch))
  vim.o.swapfile = false; vim.o.hidden = true; vim.o.autoread = true
  local id = vim.lsp.start_client({
    name = "noclobber", cmd = { py, "-c", "from noclobber_server.lsp.server import main; raise SystemExit(main([]))" }, root_dir = ws,
    workspace_folders = { { uri = vim.uri_from_fname(ws), name = "ws" } },
    get_language_id = function() return "text" end,
  })
  vim.cmd("edit " .. ws .. "/a.txt")
  local buf = vim.api.nvim_get_current_buf()
  vim.lsp.buf_attach_client(buf, id)
  local client = vim.lsp.get_client_by_id(id)
  check("the server answers", wait(function() return client.initialized end))
  local uri = vim.uri_from_fname(ws .. "/a.txt")
  local function text() return table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), "\n") .. "\n" end
  local function codes() local found = {} for _, d in ipairs(vim.diagnostic.get(buf)) do table.insert(found, d.code or (d.user_data and d.user_data.lsp and d.user_data.lsp.code)) end return found end
  local function command(name, argument)
    local answer
    client.request("workspace/executeCommand", { command = name, arguments = { argument } }, function(err, result) answer = err or result end, buf)
    wait(function() return answer ~= nil end)
    return answer
  end
  command("noclobber.activity", { limit = 1 })
  check("an untouched buffer shows nothing", #vim.diagnostic.get(buf) == 0, vim.diagnostic.get(buf))

  vim.api.nvim_buf_set_lines(buf, 1, 2, false, { "mine 2" })
  check("the store knows the unsaved edit", wait(function() return select(2, agent("unsaved", "a.txt")):find("yes") ~= nil end))
  local status, said = agent("write", "a.txt", "line 2", "agent 2")
  check("an agent's overlapping write is refused", status == 3 and said:find("UNSAVED_EDITS") ~= nil, { status, said })
  status, said = agent("write", "a.txt", "line 8", "agent 8")
  check("an agent's write elsewhere lands", status == 0, { status, said })
  check("the stale buffer is shown", wait(function() return codes()[1] == "stale-buffer" end), vim.diagnostic.get(buf))
  local first = vim.diagnostic.get(buf)[1] or {}
  check("by whom and where", (first.message or ""):find("claude/1 %(turn%-12, INT%-3%)") ~= nil and first.lnum == 7, first)

  local answer = command("noclobber.buffer.merge", { uri = uri })
  check("merge", answer.outcome == "merged", answer)
  check("both edits are in the buffer", text():find("mine 2") ~= nil and text():find("agent 8") ~= nil, text())
  check("the diagnostic goes", wait(function() return #vim.diagnostic.get(buf) == 0 end), vim.diagnostic.get(buf))
  write()
  check("the disk is what the buffer is", disk("a.txt") == text(), disk("a.txt"))
  check("the claim is gone after the save", wait(function() return select(2, agent("unsaved", "a.txt")):find("no") ~= nil end))

  status, said = agent("write", "a.txt", "line 5", "agent 5")
  check("an agent's write over a clean buffer lands", status == 0, { status, said })
  check("the buffer is shown as behind", wait(function() return codes()[1] == "stale-buffer" end), vim.diagnostic.get(buf))
  vim.cmd("checktime")
  check("the reload brings it in", wait(function() return text():find("agent 5") ~= nil end), text())
  check("and nothing is shown any more", wait(function() return #vim.diagnostic.get(buf) == 0 end), vim.diagnostic.get(buf))

  vim.api.nvim_buf_set_lines(buf, 2, 3, false, { "mine 3" })
  wait(function() return select(2, agent("unsaved", "a.txt")):find("yes") ~= nil end)
  agent("outside", "a.txt", "line 3", "outside 3")
  check("an outside change in the same line is a conflict", wait(function() return codes()[1] == "stale-conflict" end), vim.diagnostic.get(buf))
  answer = command("noclobber.buffer.merge", { uri = uri })
  check("a conflict is not merged", answer.outcome == "conflict" and text():find("outside 3") == nil, answer)
  answer = command("noclobber.buffer.takeDisk", { uri = uri })
  check("take the disk's version", answer.outcome == "taken" and text():find("outside 3") ~= nil, { answer, text() })
  check("the conflict goes", wait(function() return #vim.diagnostic.get(buf) == 0 end), vim.diagnostic.get(buf))
  write()

  answer = command("noclobber.lesson.append", { uri = uri, failure = "Overwrote a buffer", resolution = "Merge first" })
  check("a lesson is recorded", answer.success == true and disk("CLAUDE.md"):find("Overwrote a buffer") ~= nil, answer)
  check("at the end buffer and disk agree", disk("a.txt") == text(), { disk("a.txt"), text() })
  client.stop()
  check("the server ends", wait(function() return client.is_stopped() end))
end

local ok, problem = xpcall(main, debug.traceback)
if not ok then check("the script itself", false, problem) end
out(("%d passed, %d failed"):format(passed, failed))
vim.cmd(failed == 0 and "qall!" or "cquit!")
