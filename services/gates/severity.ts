/** From harmless to worst. `unknown` is none of them: it counts as refused, whatever the threshold. */
export const severities = ["none", "low", "medium", "high", "critical"] as const;
export type Severity = (typeof severities)[number] | "unknown";

/** A severity by its name in a report, in any case; `negligible` and `info` are none. */
export function severityNamed(name: string | undefined): Severity {
  const lower = name?.toLowerCase() ?? "";
  if (lower === "info" || lower === "informational" || lower === "negligible") return "none";
  if (lower === "moderate") return "medium";
  return severities.find((severity) => severity === lower) ?? "unknown";
}

/** The severity of a CVSS score, by CVSS' own bands. */
export function severityOfScore(score: number): Severity {
  if (!(score >= 0 && score <= 10)) return "unknown";
  if (score >= 9) return "critical";
  if (score >= 7) return "high";
  if (score >= 4) return "medium";
  return score > 0 ? "low" : "none";
}

/** The worse of two; `unknown` only when both are. */
export function worse(one: Severity, other: Severity): Severity {
  return rank(one) >= rank(other) ? one : other;
}

/** Whether a finding of this severity refuses a release where all from `threshold` do. */
export function reaches(severity: Severity, threshold: (typeof severities)[number]): boolean {
  return severity === "unknown" || rank(severity) >= rank(threshold);
}

function rank(severity: Severity): number {
  return severity === "unknown" ? -1 : severities.indexOf(severity);
}
