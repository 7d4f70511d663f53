// noclobber: hands each tool call of OpenCode to `noclobber hook opencode`, and does what it answers.
import { spawn } from "node:child_process"

const COMMAND = @COMMAND@
const TOOLS = new Set(["read", "edit", "write", "patch", "apply_patch", "multiedit", "bash"])

const ask = (payload) =>
  new Promise((resolve) => {
    const child = spawn(COMMAND, { shell: true, stdio: ["pipe", "pipe", "ignore"] })
    let answer = ""
    const timer = setTimeout(() => child.kill(), 10000)
    child.stdout.on("data", (part) => (answer += part))
    child.on("error", () => resolve({}))
    child.stdin.on("error", () => {})
    child.on("close", () => {
      clearTimeout(timer)
      try {
        resolve(answer ? JSON.parse(answer) : {})
      } catch {
        resolve({})
      }
    })
    child.stdin.end(JSON.stringify(payload))
  })

export const Noclobber = async ({ directory }) => ({
  event: async ({ event }) => {
    if (!["session.created", "session.deleted", "session.idle", "permission.asked"].includes(event.type)) return
    const about = event.properties ?? {}
    await ask({ event: event.type, sessionID: about.sessionID ?? about.info?.id, cwd: directory })
  },
  "tool.execute.before": async (input, output) => {
    if (!TOOLS.has(input.tool)) return
    const answer = await ask({ event: "tool.execute.before", ...input, args: output.args, cwd: directory })
    if (answer.deny) throw new Error(answer.deny)
    if (answer.args) Object.assign(output.args, answer.args)
  },
  "tool.execute.after": async (input, output) => {
    if (!TOOLS.has(input.tool)) return
    const ended = { output: output.output, exit: output.metadata?.exit }
    const answer = await ask({ event: "tool.execute.after", ...input, ...ended, cwd: directory })
    if (answer.context) output.output += `\n${answer.context}`
  },
})
