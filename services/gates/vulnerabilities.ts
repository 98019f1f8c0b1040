import { z } from "zod";
import { severityNamed, severityOfScore, worse, type Severity } from "./severity.ts";

/** A known vulnerability of something in the image. */
export interface Vulnerability {
  readonly id: string;
  readonly severity: Severity;
  /** What has it: a package URL where the report gives one, or its name. */
  readonly component: string;
  /** The version that has it no more, where there is one. */
  readonly fixedIn?: string;
}

/** A vulnerability report, whatever its format. */
export interface VulnerabilityReport {
  readonly format: string;
  /** When it was made; undefined where it does not say. */
  readonly made: Date | undefined;
  /** Digests of the image that it says it is about; empty where it does not say. */
  readonly about: readonly string[];
  readonly vulnerabilities: readonly Vulnerability[];
}

const trivy = z.object({
  SchemaVersion: z.literal(2),
  CreatedAt: z.string().optional(),
  Metadata: z.object({ RepoDigests: z.array(z.string()).nullish() }).optional(),
  Results: z
    .array(
      z.object({
        Target: z.string().optional(),
        Vulnerabilities: z
          .array(
            z.object({
              VulnerabilityID: z.string(),
              PkgName: z.string(),
              PkgIdentifier: z.object({ PURL: z.string().optional() }).optional(),
              FixedVersion: z.string().optional(),
              Severity: z.string().optional(),
            }),
          )
          .nullish(),
      }),
    )
    .nullish(),
});

const cycloneDx = z.object({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.string(),
  metadata: z.object({ timestamp: z.string().optional() }).optional(),
  vulnerabilities: z.array(
    z.object({
      id: z.string(),
      ratings: z.array(z.object({ severity: z.string().optional(), score: z.number().optional() })).default([]),
      affects: z.array(z.object({ ref: z.string() })).default([]),
    }),
  ),
});

const sarif = z.object({
  version: z.literal("2.1.0"),
  runs: z
    .array(
      z.object({
        tool: z.object({
          driver: z.object({
            name: z.string(),
            rules: z.array(z.object({ id: z.string(), properties: z.looseObject({ "security-severity": z.union([z.string(), z.number()]).optional() }).optional() })).default([]),
          }),
        }),
        invocations: z.array(z.object({ endTimeUtc: z.string().optional(), executionSuccessful: z.boolean().optional() })).default([]),
        results: z.array(
          z.object({
            ruleId: z.string(),
            kind: z.string().optional(),
            properties: z.looseObject({ purl: z.string().optional() }).optional(),
            locations: z.array(z.object({ physicalLocation: z.object({ artifactLocation: z.object({ uri: z.string().optional() }).optional() }).optional() })).default([]),
          }),
        ),
      }),
    )
    .min(1),
});

/** Reads a report by Trivy (JSON), in CycloneDX, or in SARIF; undefined where it is none of them. Suppressions in a report count for nothing: VEX is for that. */
export function readReport(document: unknown): VulnerabilityReport | undefined {
  const asTrivy = trivy.safeParse(document);
  if (asTrivy.success) return fromTrivy(asTrivy.data);
  const asCycloneDx = cycloneDx.safeParse(document);
  if (asCycloneDx.success) return fromCycloneDx(asCycloneDx.data);
  const asSarif = sarif.safeParse(document);
  return asSarif.success ? fromSarif(asSarif.data) : undefined;
}

function fromTrivy(report: z.output<typeof trivy>): VulnerabilityReport {
  return {
    format: "Trivy",
    made: date(report.CreatedAt),
    about: (report.Metadata?.RepoDigests ?? []).flatMap((reference) => /sha256:[0-9a-f]{64}$/.exec(reference) ?? []),
    vulnerabilities: (report.Results ?? []).flatMap(({ Vulnerabilities }) =>
      (Vulnerabilities ?? []).map((found) => ({
        id: found.VulnerabilityID,
        severity: severityNamed(found.Severity),
        component: found.PkgIdentifier?.PURL ?? found.PkgName,
        ...(found.FixedVersion === undefined || found.FixedVersion === "" ? {} : { fixedIn: found.FixedVersion }),
      })),
    ),
  };
}

function fromCycloneDx(report: z.output<typeof cycloneDx>): VulnerabilityReport {
  return {
    format: `CycloneDX ${report.specVersion}`,
    made: date(report.metadata?.timestamp),
    about: [],
    vulnerabilities: report.vulnerabilities.flatMap(({ id, ratings, affects }) => {
      const rated = ratings.map(({ severity, score }) => worse(severityNamed(severity), score === undefined ? "unknown" : severityOfScore(score)));
      const severity = rated.reduce<Severity>(worse, "unknown");
      return (affects.length === 0 ? [{ ref: "an unnamed component" }] : affects).map(({ ref }) => ({ id, severity, component: ref }));
    }),
  };
}

function fromSarif({ runs }: z.output<typeof sarif>): VulnerabilityReport {
  const ends = runs.map((run) => run.invocations.map(({ endTimeUtc, executionSuccessful }) => (executionSuccessful === false ? undefined : date(endTimeUtc))).at(-1));
  const oldest = ends.includes(undefined) ? undefined : new Date(Math.min(...ends.map((end) => end?.getTime() ?? NaN)));
  return {
    format: `SARIF of ${runs.map(({ tool }) => tool.driver.name).join(", ")}`,
    made: oldest,
    about: [],
    vulnerabilities: runs.flatMap((run) => {
      const scores = new Map(run.tool.driver.rules.map((rule) => [rule.id, Number(rule.properties?.["security-severity"] ?? NaN)]));
      return run.results
        .filter(({ kind }) => kind === undefined || kind === "fail" || kind === "open" || kind === "review")
        .map(({ ruleId, properties, locations }) => ({
          id: ruleId,
          severity: severityOfScore(scores.get(ruleId) ?? NaN),
          component: properties?.purl ?? locations[0]?.physicalLocation?.artifactLocation?.uri ?? "an unnamed component",
        }));
    }),
  };
}

function date(text: string | undefined): Date | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : new Date(time);
}
