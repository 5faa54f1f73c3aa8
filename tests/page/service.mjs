// The real service, started here so that a test can end it and start it again.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** Starts `tidegauge serve` with the test's configuration. @returns {Promise<{url: string, kill: () => Promise<void>}>} */
export function serve(listen = "127.0.0.1:0") {
  return start(["--config", process.env.CONFIG, "serve"], "stderr", /address=(\S+)/, { TIDEGAUGE_HTTP__LISTEN: listen });
}

/** Starts `tidegauge demo`. */
export function demo(rate, listen = "127.0.0.1:0") {
  return start(["demo", "--rate", String(rate), "--listen", listen], "stdout", /http:\/\/([^/\s]+)\//, {});
}

/** Asks the service as any client does. */
export async function ask(url, route) {
  const response = await fetch(`${url}/api/v1/${route}`);
  if (!response.ok) throw new Error(`${route}: ${response.status}`);
  return response.json();
}

/** Waits until `look` gives something. */
export async function eventually(what, look) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((go) => setTimeout(go, 50));
  }
}

async function start(args, stream, pattern, env) {
  const child = spawn(process.env.TIDEGAUGE, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let said = "";
  const address = new Promise((found, fail) => {
    for (const name of ["stdout", "stderr"]) {
      createInterface({ input: child[name] }).on("line", (line) => {
        said = `${said}${line}\n`.slice(-4000);
        const match = name === stream && line.match(pattern);
        if (match) found(match[1]);
      });
    }
    child.on("exit", () => fail(new Error(`the service ended:\n${said}`)));
    setTimeout(() => fail(new Error(`the service did not say where it answers:\n${said}`)), 60_000).unref();
  });
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    running.delete(child);
  };
  return { url: `http://${await address}`, address: await address, kill };
}
