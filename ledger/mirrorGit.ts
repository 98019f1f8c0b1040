/** A branch of a Git repository as a mirror: every state of the ledger is a commit on the one before, and a push that is no continuation is refused. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mirrorError, type Mirror } from "./mirror.ts";

/**
 * A branch as a mirror.
 * @param repository path or URL, as `git push` takes it
 * @param branch made when it is not there; it holds nothing but the ledger
 */
export function gitMirror(repository: string, branch: string): Mirror {
  const place = `Branch ${branch} of ${withoutPassword(repository)}`;
  /** The commit that the checkpoint was read from: what is pushed continues it. */
  let tip: string | undefined;
  const inScratch = async <T>(act: (git: Git) => Promise<T>): Promise<T> => {
    const folder = await mkdtemp(join(tmpdir(), "ledger-mirror-"));
    try {
      const git: Git = async (args, input) => await runGit(place, folder, args, input);
      await git(["init", "--quiet", "--bare", "."]);
      return await act(git);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  const reference = `refs/heads/${branch}`;
  return {
    place,
    checkpoint: async () =>
      await inScratch(async (git) => {
        const found = (await git(["ls-remote", repository, reference])).trim();
        if (found === "") return undefined;
        tip = found.split(/\s/)[0];
        await git(["fetch", "--quiet", "--depth=1", repository, reference]);
        if ((await git(["ls-tree", "FETCH_HEAD", "checkpoint"])).trim() === "") throw mirrorError(place, "it holds something else than a ledger");
        return await git(["show", "FETCH_HEAD:checkpoint"]);
      }),
    put: async (files, checkpoint, message) =>
      await inScratch(async (git) => {
        if (tip !== undefined) {
          await git(["fetch", "--quiet", "--depth=1", repository, reference]);
          await git(["read-tree", tip]);
        }
        for (const [path, content] of [...files, ["checkpoint", Buffer.from(checkpoint)] as const]) {
          const blob = (await git(["hash-object", "-w", "--stdin"], content)).trim();
          await git(["update-index", "--add", "--cacheinfo", `100644,${blob},${path}`]);
        }
        const tree = (await git(["write-tree"])).trim();
        const commit = (await git(["commit-tree", tree, ...(tip === undefined ? [] : ["-p", tip]), "-m", message])).trim();
        // Without force: what somebody else pushed meanwhile is never lost.
        await git(["push", "--quiet", repository, `${commit}:${reference}`]);
        tip = commit;
      }),
  };
}

type Git = (args: readonly string[], input?: Buffer) => Promise<string>;

async function runGit(place: string, cwd: string, args: readonly string[], input: Buffer | undefined): Promise<string> {
  // Nobody's name: the commits are the ledger's. No configuration of a person or of the machine may sign, hook or rewrite them.
  const nobody = { GIT_AUTHOR_NAME: "ledger mirror", GIT_AUTHOR_EMAIL: "ledger@invalid", GIT_COMMITTER_NAME: "ledger mirror", GIT_COMMITTER_EMAIL: "ledger@invalid" };
  const settings = ["-c", "commit.gpgSign=false", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false", "-c", "gc.auto=0"];
  return await new Promise((resolve, reject) => {
    const child = execFile("git", [...settings, ...args], { cwd, env: { ...process.env, ...nobody, GIT_TERMINAL_PROMPT: "0", GIT_DIR: cwd }, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      if (error === null) resolve(out);
      else reject(mirrorError(place, `git ${args[0] ?? ""} failed: ${withoutPassword(lastLine(err) || error.message)}`, error));
    });
    child.stdin?.end(input);
  });
}

const lastLine = (text: string): string => text.trim().split("\n").findLast((line) => !line.startsWith("hint:")) ?? "";

/** An address without what stands between // and @, which may be a secret. */
function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/@\s]*@/g, "//");
}
