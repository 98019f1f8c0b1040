import { distance } from "fastest-levenshtein";

// `cluster-name`, `ClusterName` and `clusterName` are one key, typed by people of different habits.
const folded = (text: string) => text.toLowerCase().replaceAll(/[-_]/g, "");

/**
 * The known key that a mistyped one most probably means: by its whole path, or by its last member where the path is
 * wrong.
 * @param typed members of the unknown key, from the top
 * @param known paths to choose from
 * @returns undefined where nothing is near: more than a third of the letters differ
 */
export function nearestKey(
  typed: readonly string[],
  known: readonly (readonly string[])[],
): readonly string[] | undefined {
  const whole = folded(typed.join("."));
  const last = folded(typed.at(-1) ?? "");
  let best: readonly string[] | undefined;
  let bestScore = Infinity;
  for (const path of known) {
    const wholeScore = distance(whole, folded(path.join(".")));
    const wholeLimit = Math.max(2, Math.floor(last.length / 3));
    const lastScore = distance(last, folded(path.at(-1) ?? "")) + 1;
    const lastLimit = Math.max(2, Math.floor(last.length / 4)) + 1;
    const score = Math.min(
      wholeScore <= wholeLimit ? wholeScore : Infinity,
      last.length > 3 && lastScore <= lastLimit ? lastScore : Infinity,
    );
    if (score < bestScore) {
      best = path;
      bestScore = score;
    }
  }
  return best;
}
